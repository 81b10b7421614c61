import { Button, Dropdown, Option, Text } from "@fluentui/react-components";
import { ArchiveRegular, ArrowUndoRegular, ArrowUploadRegular, DeleteRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useParams, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { all, api, at, body, SITE } from "../../api/client";
import { keyOf, noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { CopyButton } from "../../components/CopyButton";
import { DeleteDialog } from "../../components/DeleteDialog";
import { Facts, knownFacts } from "../../components/Facts";
import { Moment } from "../../components/Moment";
import { Page } from "../../components/Page";
import { path, RouteLink } from "../../components/RouteLink";
import { collectedAt, groupsOf, prefixOf } from "../../components/records/collections";
import { pathOf } from "../../components/records/datastore";
import { RecordsTable } from "../../components/records/RecordsTable";
import { Section } from "../../components/Section";
import { Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { type Asset, TYPE_WORDS, UPLOAD, type Version } from "./asset";
import { Files } from "./Files";
import { UploadDrawer } from "./UploadDrawer";

type Open = "upload" | "delete" | null;

export default function DataPage() {
  const { data: name = "" } = useParams({ strict: false });
  const asset = useQuery({
    queryKey: keyOf(`/data/${name}`),
    queryFn: () =>
      body(api.GET(`${SITE}/data/{name}`, { params: { path: at({ name }) } })) as unknown as Promise<Asset>,
  });
  const versions = useQuery({
    queryKey: keyOf(`/data/${name}/versions`),
    queryFn: () => all<Version>(`/data/${encodeURIComponent(name)}/versions`, { listViewType: "All" }),
  });
  const [chosen, setChosen] = useState("");
  const [open, setOpen] = useState<Open>(null);
  const found = versions.data ?? [];
  const shown = found.find((each) => each.name === chosen) ?? found.at(-1);
  const collected = shown && collectedAt(pathOf(shown.properties.dataUri) ?? "");
  return (
    <Page
      title={asset.data?.name ?? name}
      lead={shown?.properties.description || asset.data?.properties.description}
      actions={asset.data && <Actions asset={asset.data} collects={Boolean(collected)} open={setOpen} />}
    >
      <Loaded query={asset}>
        {({ id, properties }) => (
          <Loaded query={versions}>
            {() => (
              <>
                {shown && (
                  <Shown
                    key={shown.id}
                    version={shown}
                    choice={found.length > 1 && <Choice versions={found} shown={shown.name} choose={setChosen} />}
                  />
                )}
                {open === "upload" && (
                  <UploadDrawer
                    asset={{ name, nextVersion: properties.nextVersion ?? "1" }}
                    onClose={() => setOpen(null)}
                  />
                )}
                {open === "delete" && <Deleting name={name} id={id} onClose={() => setOpen(null)} />}
              </>
            )}
          </Loaded>
        )}
      </Loaded>
    </Page>
  );
}

function Choice({ versions, shown, choose }: { versions: Version[]; shown: string; choose: (name: string) => void }) {
  return (
    <Dropdown
      aria-label="Version"
      value={`Version ${shown}`}
      selectedOptions={[shown]}
      onOptionSelect={(_, { optionValue }) => choose(optionValue ?? "")}
    >
      {[...versions].reverse().map((each) => (
        <Option key={each.name} value={each.name}>
          {`Version ${each.name}`}
        </Option>
      ))}
    </Dropdown>
  );
}

function Shown({ version, choice }: { version: Version; choice: React.ReactNode }) {
  const { dataType, dataUri, tags, contentHash } = version.properties;
  const place = pathOf(dataUri);
  const collected = collectedAt(place ?? "");
  const made = version.systemData;
  return (
    <>
      <Section title={`Version ${version.name}`} actions={choice}>
        <Facts
          facts={knownFacts([
            ["Type", TYPE_WORDS[dataType] ?? dataType],
            [
              "URI",
              <>
                <Text>{dataUri}</Text> <CopyButton text={dataUri} what="URI" />
              </>,
              true,
            ],
            ["Collected by", collected && <Collector {...collected} />],
            [
              "Tags",
              Object.entries(tags)
                .map(([name, value]) => `${name}: ${value}`)
                .join(" · "),
            ],
            ["Content hash", contentHash],
            [
              "Created",
              made && (
                <>
                  <Moment at={made.createdAt} /> by {made.createdBy}
                </>
              ),
            ],
          ])}
        />
      </Section>
      {collected && <Records {...collected} />}
      <Section title="Files">
        {place ? (
          <Files id={version.id} place={place} />
        ) : (
          <Text>
            It lies outside of the workspace's datastore, at the address above, which is noted and not read from here.
          </Text>
        )}
      </Section>
    </>
  );
}

type At = { endpoint: string; deployment: string; collection: string };

function Collector({ endpoint, deployment }: At) {
  return (
    <RouteLink to={path("/endpoints", endpoint, "/deployments", deployment)} search={{ tab: "data" }}>
      {`${endpoint}/${deployment}`}
    </RouteLink>
  );
}

/** Inputs are shown beside their outputs, whichever of the two the asset is. */
function Records({ endpoint, deployment, collection }: At) {
  const together = ["model_inputs", "model_outputs"];
  const names = together.includes(collection) ? together : [collection];
  const prefixes = new Map(names.map((name) => [name, prefixOf({ endpoint, deployment, collection: name })]));
  const [group] = groupsOf(prefixes);
  return <Section title="Collected records">{group && <RecordsTable sources={group.sources} />}</Section>;
}

function Actions({ asset, collects, open }: { asset: Asset; collects: boolean; open: (what: Open) => void }) {
  const toasts = useToasts();
  const { isArchived } = asset.properties;
  const archive = async () => {
    try {
      const params = { path: at({ name: asset.name }) };
      await body(
        api.PUT(`${SITE}/data/{name}`, { params, body: { properties: { isArchived: !isArchived } } as never }),
      );
      noteChange(asset.id);
    } catch (failure) {
      toasts.failed(`${asset.name} was not ${isArchived ? "restored" : "archived"}.`, failure);
    }
  };
  return (
    <>
      {!collects && (
        <Allowed to={UPLOAD}>
          <Button appearance="primary" icon={<ArrowUploadRegular />} onClick={() => open("upload")}>
            New version
          </Button>
        </Allowed>
      )}
      <Allowed to="data/write" on={asset.id}>
        <Button icon={isArchived ? <ArrowUndoRegular /> : <ArchiveRegular />} onClick={() => void archive()}>
          {isArchived ? "Restore" : "Archive"}
        </Button>
      </Allowed>
      <Allowed to="data/delete" on={asset.id}>
        <Button icon={<DeleteRegular />} onClick={() => open("delete")}>
          Delete
        </Button>
      </Allowed>
    </>
  );
}

function Deleting({ name, id, onClose }: { name: string; id: string; onClose: () => void }) {
  const router = useRouter();
  const remove = async () => {
    await body(api.DELETE(`${SITE}/data/{name}`, { params: { path: at({ name }) } }) as never);
    noteChange(id);
    router.history.push("/portal/data");
  };
  return (
    <DeleteDialog what="the data asset" name={name} resource={id} onDelete={remove} onClose={onClose}>
      All its versions go. What a deployment has collected stays where it lies, and one that a deployment collects into
      cannot be deleted.
    </DeleteDialog>
  );
}
