import {
  Badge,
  Button,
  DrawerBody,
  DrawerHeader,
  DrawerHeaderTitle,
  makeStyles,
  OverlayDrawer,
  Text,
  tokens,
} from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { useState } from "react";
import type { DeploymentRow } from "../../api/endpoints";
import { DEPLOY } from "../../api/permissions";
import { Allowed } from "../../components/Allowed";
import { DeleteDialog } from "../../components/DeleteDialog";
import { Moment } from "../../components/Moment";
import { RouteButton } from "../../components/RouteLink";
import { Loaded } from "../../components/states";
import { Tags } from "../../components/Tags";
import { useToasts } from "../../components/toasts";
import { useFocusBack } from "../../components/useFocusBack";
import { DeploymentLinks } from "./DeploymentLinks";
import {
  archiveModel,
  archiveVersion,
  deleteModel,
  deleteVersion,
  type ModelVersion,
  modelPath,
  useModels,
  useModelVersions,
  usersOf,
} from "./models";

const useStyles = makeStyles({
  list: { display: "grid", gap: tokens.spacingVerticalM, listStyle: "none", margin: 0, padding: 0 },
  version: {
    display: "grid",
    gap: tokens.spacingVerticalXS,
    padding: tokens.spacingHorizontalM,
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    overflowWrap: "anywhere",
  },
  line: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  quiet: { color: tokens.colorNeutralForeground2 },
});

/** A model with its versions. Mounted while open. */
export function ModelDrawer(props: { name: string; deployments: readonly DeploymentRow[]; onClose: () => void }) {
  const { name, deployments, onClose } = props;
  const styles = useStyles();
  useFocusBack();
  const toasts = useToasts();
  const versions = useModelVersions(name);
  const isArchived = useModels().data?.find((each) => each.name === name)?.properties.isArchived ?? false;
  // "" is the model with all its versions.
  const [deleting, setDeleting] = useState<string | null>(null);
  const archive = (what: string, archived: boolean, deed: Promise<void>) =>
    deed.then(
      () => toasts.done(`${what}: ${archived ? "archived" : "restored"}`),
      (failure) => toasts.failed(`${what} is as it was.`, failure),
    );
  return (
    <OverlayDrawer open onOpenChange={(_, { open }) => !open && onClose()} position="end" size="medium">
      <DrawerHeader>
        <DrawerHeaderTitle
          action={
            <Button appearance="subtle" icon={<DismissRegular />} aria-label="Close the model" onClick={onClose} />
          }
        >
          {name}
        </DrawerHeaderTitle>
        <div className={styles.line}>
          <Allowed to="models/write" on={modelPath(name)}>
            <Button size="small" onClick={() => void archive(name, !isArchived, archiveModel(name, !isArchived))}>
              {isArchived ? "Restore model" : "Archive model"}
            </Button>
          </Allowed>
          <Allowed to="models/delete" on={modelPath(name)}>
            <Button size="small" onClick={() => setDeleting("")}>
              Delete model
            </Button>
          </Allowed>
        </div>
      </DrawerHeader>
      <DrawerBody>
        <Loaded query={versions}>
          {(found) => (
            <ul className={styles.list} aria-label={`Versions of ${name}`}>
              {found.map((version) => (
                <Version
                  key={version.id}
                  version={version}
                  users={usersOf(deployments, name, version.name)}
                  model={name}
                  onDelete={() => setDeleting(version.name)}
                  onArchive={(archived) =>
                    void archive(`${name}:${version.name}`, archived, archiveVersion(name, version.name, archived))
                  }
                />
              ))}
            </ul>
          )}
        </Loaded>
        {deleting !== null && (
          <DeleteDialog
            what={deleting ? `version ${deleting} of the model` : "the model"}
            name={deleting ? `${name}:${deleting}` : name}
            resource={deleting ? `/models/${name}/versions/${deleting}` : `/models/${name}`}
            onDelete={async () => {
              if (deleting) return deleteVersion(name, deleting);
              await deleteModel(name);
              onClose();
            }}
            onClose={() => setDeleting(null)}
          >
            <Text block>
              {deleting ? "Its files go with it." : "All its versions go with it, with their files."} A deployment that
              uses it keeps it from being deleted.
            </Text>
          </DeleteDialog>
        )}
      </DrawerBody>
    </OverlayDrawer>
  );
}

type VersionProps = {
  model: string;
  version: ModelVersion;
  users: readonly DeploymentRow[];
  onDelete: () => void;
  onArchive: (archived: boolean) => void;
};

function Version({ model, version, users, onDelete, onArchive }: VersionProps) {
  const styles = useStyles();
  const { description, tags, isArchived, modelUri } = version.properties;
  return (
    <li className={styles.version}>
      <div className={styles.line}>
        <Text weight="semibold">Version {version.name}</Text>
        {isArchived && <Badge appearance="outline">Archived</Badge>}
        <Text size={200} className={styles.quiet}>
          <Moment at={version.systemData?.createdAt} />
        </Text>
      </div>
      {description && <Text>{description}</Text>}
      <Text size={200} className={styles.quiet}>
        Files from {modelUri.replace(/^azureml:.*\/paths\//, "")}
      </Text>
      <Text size={200}>
        Used by: <DeploymentLinks deployments={users} most={20} />
      </Text>
      <Tags value={tags} />
      <div className={styles.line}>
        <Allowed to={DEPLOY} anywhere>
          <RouteButton size="small" appearance="primary" to="/deploy" search={{ model: `${model}:${version.name}` }}>
            Deploy
          </RouteButton>
        </Allowed>
        <Allowed to="models/versions/write" on={version.id}>
          <Button size="small" onClick={() => onArchive(!isArchived)}>
            {isArchived ? "Restore" : "Archive"}
          </Button>
        </Allowed>
        <Allowed to="models/versions/delete" on={version.id}>
          <Button size="small" onClick={onDelete}>
            Delete
          </Button>
        </Allowed>
      </div>
    </li>
  );
}
