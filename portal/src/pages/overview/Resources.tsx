import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { BoxRegular, DatabaseRegular, FolderRegular } from "@fluentui/react-icons";
import { REGISTRY_ID, STORAGE_ID } from "../../api/access";
import { WORKSPACE_ID } from "../../api/client";
import { CopyButton } from "../../components/CopyButton";
import { Panel } from "../../components/Panel";
import { RouteLink } from "../../components/RouteLink";

/** What the project consists of besides its own resources, and what roles are granted on. */
const RESOURCES = [
  {
    scope: "workspace",
    label: "Project (workspace)",
    name: "default",
    id: WORKSPACE_ID,
    what: "Flows, endpoints, connections, environments and data.",
    icon: FolderRegular,
  },
  {
    scope: "registry",
    label: "Container registry",
    name: "flowstead",
    id: REGISTRY_ID,
    what: "Where images come from. An endpoint's identity needs AcrPull on it.",
    icon: BoxRegular,
  },
  {
    scope: "storage",
    label: "Storage account",
    name: "flowstead",
    id: STORAGE_ID,
    what: "Where models and data lie. An endpoint's identity needs Storage Blob Data Reader on it.",
    icon: DatabaseRegular,
  },
] as const;

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalL },
  item: {
    display: "grid",
    gridTemplateColumns: "auto 1fr auto",
    gap: tokens.spacingHorizontalM,
    alignItems: "center",
    "@media (max-width: 640px)": { gridTemplateColumns: "auto 1fr" },
  },
  icon: { fontSize: "24px", color: tokens.colorBrandForeground1 },
  words: { display: "grid", minWidth: 0 },
  quiet: { color: tokens.colorNeutralForeground2 },
  links: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS },
});

export function Resources() {
  const styles = useStyles();
  return (
    <Panel title="Resources">
      <ul className={styles.list}>
        {RESOURCES.map((each) => (
          <li key={each.scope} className={styles.item}>
            <each.icon className={styles.icon} />
            <span className={styles.words}>
              <span>
                {each.label} <Text weight="semibold">{each.name}</Text>
              </span>
              <Text size={200} className={styles.quiet}>
                {each.what}
              </Text>
            </span>
            <span className={styles.links}>
              <RouteLink
                to="/access"
                search={{ scope: each.scope }}
                aria-label={`Access control of the ${each.label.toLowerCase()}`}
              >
                Access control
              </RouteLink>
              <CopyButton text={each.id} what={`the id of the ${each.label.toLowerCase()}`} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
