import { Button, Switch } from "@fluentui/react-components";
import { ArrowUploadRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { all } from "../../api/client";
import { keyOf } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { Empty, Loaded } from "../../components/states";
import { type Asset, TYPE_WORDS, UPLOAD } from "./asset";
import { UploadDrawer } from "./UploadDrawer";

const COLUMNS: Column<Asset>[] = [
  {
    label: "Name",
    cell: (each) => <RouteLink to={path("/data", each.name)}>{each.name}</RouteLink>,
    sort: (each) => each.name,
  },
  {
    label: "Type",
    cell: (each) => TYPE_WORDS[each.properties.dataType ?? ""] ?? "–",
    sort: (each) => each.properties.dataType ?? "",
  },
  {
    label: "Latest version",
    cell: (each) => each.properties.latestVersion ?? "–",
    sort: (each) => each.properties.latestVersion ?? "",
  },
  {
    label: "Changed",
    cell: (each) => <Moment at={each.systemData?.lastModifiedAt} />,
    sort: (each) => each.systemData?.lastModifiedAt ?? "",
    wide: true,
  },
];

export default function DataList() {
  const [archived, setArchived] = useState(false);
  const [uploading, setUploading] = useState(false);
  const view = archived ? "ArchivedOnly" : "ActiveOnly";
  const query = useQuery({
    queryKey: keyOf("/data", view),
    queryFn: () => all<Asset>("/data", { listViewType: view }),
  });
  const upload = (
    <Allowed to={UPLOAD}>
      <Button appearance="primary" icon={<ArrowUploadRegular />} onClick={() => setUploading(true)}>
        Upload
      </Button>
    </Allowed>
  );
  return (
    <Page title="Data" lead="Files and folders by name and version, and what deployments collect." actions={upload}>
      <Loaded query={query}>
        {(assets) =>
          assets.length === 0 && !archived ? (
            <Empty title="No data assets yet">
              Upload a file or a folder, or deploy a flow with Inference data collection: then its inputs and outputs
              are kept here.
            </Empty>
          ) : (
            <ResourceTable
              label="Data assets"
              rows={assets}
              columns={COLUMNS}
              keyOf={(each) => each.id}
              textOf={(each) => each.name}
              tools={
                <Switch label="Archived ones" checked={archived} onChange={(_, { checked }) => setArchived(checked)} />
              }
            />
          )
        }
      </Loaded>
      {uploading && <UploadDrawer onClose={() => setUploading(false)} />}
    </Page>
  );
}
