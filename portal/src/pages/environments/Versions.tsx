import { Badge, Button } from "@fluentui/react-components";
import { ArchiveRegular, ArrowUndoRegular, DeleteRegular } from "@fluentui/react-icons";
import { useMemo, useState } from "react";
import { api, at, body, SITE } from "../../api/client";
import { noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { DeleteDialog } from "../../components/DeleteDialog";
import { Moment } from "../../components/Moment";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { path, RouteLink } from "../../components/RouteLink";
import { useToasts } from "../../components/toasts";
import type { Version } from "./environment";

type Props = { name: string; versions: readonly Version[]; shown: string };

/** All versions, newest first; one can be archived or deleted. */
export function Versions({ name, versions, shown }: Props) {
  const [deleting, setDeleting] = useState<Version | null>(null);
  const archive = useArchiving(name);
  const rows = useMemo(() => [...versions].reverse(), [versions]);
  const columns: Column<Version>[] = [
    {
      label: "Version",
      cell: (each) => (
        <RouteLink to={path("/environments", name)} search={{ version: each.name }}>
          {each.name}
          {each.name === shown && " (shown)"}
        </RouteLink>
      ),
    },
    { label: "Created", cell: (each) => <Moment at={each.systemData?.createdAt} /> },
    { label: "By", cell: (each) => each.systemData?.createdBy ?? "–", wide: true },
    {
      label: "Actions",
      action: true,
      cell: (each) =>
        each.properties.environmentType === "Curated" ? (
          "–"
        ) : (
          <>
            {each.properties.isArchived && <Badge appearance="tint">Archived</Badge>}
            <Allowed to="environments/versions/write" on={each.id}>
              <Button
                appearance="subtle"
                size="small"
                icon={each.properties.isArchived ? <ArrowUndoRegular /> : <ArchiveRegular />}
                aria-label={`${each.properties.isArchived ? "Restore" : "Archive"} version ${each.name}`}
                onClick={() => void archive(each)}
              />
            </Allowed>
            <Allowed to="environments/versions/delete" on={each.id}>
              <Button
                appearance="subtle"
                size="small"
                icon={<DeleteRegular />}
                aria-label={`Delete version ${each.name}`}
                onClick={() => setDeleting(each)}
              />
            </Allowed>
          </>
        ),
    },
  ];
  return (
    <>
      <ResourceTable label="Versions" rows={rows} columns={columns} keyOf={(each) => each.id} />
      {deleting && <Deleting name={name} version={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

function useArchiving(name: string) {
  const toasts = useToasts();
  return async (version: Version) => {
    // A version never becomes another one: what is said of it is sent with what it is.
    const { image, condaFile, build, inferenceConfig, osType, description, tags, properties } = version.properties;
    const isArchived = !version.properties.isArchived;
    const said = { image, condaFile, build, inferenceConfig, osType, description, tags, properties, isArchived };
    try {
      const params = { path: at({ name, version: version.name }) };
      await body(
        api.PUT(`${SITE}/environments/{name}/versions/{version}`, { params, body: { properties: said } as never }),
      );
      noteChange(version.id);
    } catch (failure) {
      toasts.failed(`Version ${version.name} was not ${isArchived ? "archived" : "restored"}.`, failure);
    }
  };
}

function Deleting({ name, version, onClose }: { name: string; version: Version; onClose: () => void }) {
  const remove = async () => {
    const params = { path: at({ name, version: version.name }) };
    await body(api.DELETE(`${SITE}/environments/{name}/versions/{version}`, { params }) as never);
    noteChange(version.id);
  };
  return (
    <DeleteDialog
      what={`version ${version.name} of`}
      name={`${name}:${version.name}`}
      resource={version.id}
      onDelete={remove}
      onClose={onClose}
    >
      Its number is not given again.
    </DeleteDialog>
  );
}
