import { Button } from "@fluentui/react-components";
import { AddRegular, ArchiveRegular, ArrowUndoRegular, DeleteRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useParams, useRouter, useSearch } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { all, api, at, body, SITE } from "../../api/client";
import { keyOf, noteChange } from "../../api/queries";
import { Allowed } from "../../components/Allowed";
import { DeleteDialog } from "../../components/DeleteDialog";
import { Page } from "../../components/Page";
import { Section } from "../../components/Section";
import { Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { BuildSection } from "./BuildSection";
import { Definition } from "./Definition";
import { Deployments } from "./Deployments";
import { EnvironmentDrawer } from "./EnvironmentDrawer";
import type { Container, Version } from "./environment";
import { Versions } from "./Versions";

type Open = "new" | "delete" | null;

export default function EnvironmentPage() {
  const { environment: name = "" } = useParams({ strict: false });
  const search = useSearch({ strict: false }) as { version?: string | number };
  const container = useQuery({
    queryKey: keyOf(`/environments/${name}`),
    queryFn: () =>
      body(api.GET(`${SITE}/environments/{name}`, { params: { path: at({ name }) } })) as unknown as Promise<Container>,
  });
  const versions = useQuery({
    queryKey: keyOf(`/environments/${name}/versions`),
    queryFn: () => all<Version>(`/environments/${encodeURIComponent(name)}/versions`, { listViewType: "All" }),
  });
  const [open, setOpen] = useState<Open>(null);
  const found = versions.data ?? [];
  const wanted = search.version === undefined ? container.data?.properties.latestVersion : String(search.version);
  const shown = found.find((each) => each.name === wanted) ?? found.at(-1);
  const curated = shown?.properties.environmentType === "Curated";
  return (
    <Page
      title={container.data?.name ?? name}
      lead={container.data?.properties.description || shown?.properties.description}
      actions={container.data && !curated && <Actions container={container.data} open={setOpen} />}
    >
      <Loaded query={container}>
        {({ properties, id }) => (
          <Loaded query={versions}>
            {() => (
              <>
                {shown && (
                  <>
                    <Section title={`Version ${shown.name}`}>
                      <Definition version={shown} />
                    </Section>
                    <BuildSection key={shown.name} name={name} version={shown.name} />
                  </>
                )}
                <Section title="Deployments that use it">
                  <Deployments environmentId={id} />
                </Section>
                <Section title="Versions">
                  <Versions name={name} versions={found} shown={shown?.name ?? ""} />
                </Section>
                {open === "new" && (
                  <EnvironmentDrawer
                    latest={{ name, nextVersion: properties.nextVersion ?? "1", version: shown }}
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

function Actions({ container, open }: { container: Container; open: (what: Open) => void }): ReactNode {
  const toasts = useToasts();
  const { isArchived } = container.properties;
  const archive = async () => {
    try {
      const params = { path: at({ name: container.name }) };
      const properties = { isArchived: !isArchived };
      await body(api.PUT(`${SITE}/environments/{name}`, { params, body: { properties } as never }));
      noteChange(container.id);
    } catch (failure) {
      toasts.failed(`${container.name} was not ${isArchived ? "restored" : "archived"}.`, failure);
    }
  };
  return (
    <>
      <Allowed to="environments/versions/write" on={container.id}>
        <Button appearance="primary" icon={<AddRegular />} onClick={() => open("new")}>
          New version
        </Button>
      </Allowed>
      <Allowed to="environments/write" on={container.id}>
        <Button icon={isArchived ? <ArrowUndoRegular /> : <ArchiveRegular />} onClick={() => void archive()}>
          {isArchived ? "Restore" : "Archive"}
        </Button>
      </Allowed>
      <Allowed to="environments/delete" on={container.id}>
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
    await body(api.DELETE(`${SITE}/environments/{name}`, { params: { path: at({ name }) } }) as never);
    noteChange(id);
    router.history.push("/portal/environments");
  };
  return (
    <DeleteDialog what="the environment" name={name} resource={id} onDelete={remove} onClose={onClose}>
      All its versions go. One that a deployment uses cannot be deleted; archiving hides it from lists.
    </DeleteDialog>
  );
}
