import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ArrowDownloadRegular, HistoryRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { Allowed } from "../../../../components/Allowed";
import { FormDialog } from "../../../../components/FormDialog";
import { Moment } from "../../../../components/Moment";
import { Empty, Loaded } from "../../../../components/states";
import { useToasts } from "../../../../components/toasts";
import { download, exportArchive, type FlowVersion, restore, useVersions } from "../../api";
import { ChangesDialog } from "./ChangesDialog";

const useStyles = makeStyles({
  list: { listStyleType: "none", margin: 0, padding: 0 },
  version: {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    columnGap: tokens.spacingHorizontalM,
    paddingBlock: tokens.spacingVerticalXS,
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
  },
  number: { minWidth: "3rem" },
  note: { flexGrow: 1, overflowWrap: "anywhere", minWidth: "8rem" },
  about: { color: tokens.colorNeutralForeground2 },
});

/** The states that were saved, the latest first. */
export function Versions({ flow }: { flow: string }) {
  const styles = useStyles();
  const [asked, setAsked] = useState<{ what: "restore" | "changes"; version: FlowVersion } | null>(null);
  const close = () => setAsked(null);
  return (
    <Loaded query={useVersions(flow)}>
      {(versions) => {
        if (versions.length === 0) return <Empty title="No versions yet">Each change that is saved is one.</Empty>;
        const before = asked && versions[versions.indexOf(asked.version) + 1];
        return (
          <>
            <ol className={styles.list} aria-label="Versions">
              {versions.map((version, index) => (
                <li key={version.name} className={styles.version}>
                  <Text weight="semibold" className={styles.number}>
                    {version.name}
                  </Text>
                  <Text className={styles.note}>{version.properties.note || "saved"}</Text>
                  <Text size={200} className={styles.about}>
                    {version.systemData?.createdBy} · <Moment at={version.systemData?.createdAt} />
                  </Text>
                  <VersionButtons
                    flow={flow}
                    version={version}
                    isLatest={index === 0}
                    ask={(what) => setAsked({ what, version })}
                  />
                </li>
              ))}
            </ol>
            {asked?.what === "changes" && (
              <ChangesDialog flow={flow} version={asked.version} before={before ?? undefined} onClose={close} />
            )}
            {asked?.what === "restore" && (
              <FormDialog
                title={`Restore version ${asked.version.name}?`}
                action="Restore"
                onSubmit={() => restore(flow, asked.version.name)}
                onClose={close}
              >
                <Text>
                  All files become what they were then; that is a new version, and the files of now stay as theirs. What
                  you have not saved stays in the editor.
                </Text>
              </FormDialog>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

type ButtonsProps = {
  flow: string;
  version: FlowVersion;
  isLatest: boolean;
  ask: (what: "restore" | "changes") => void;
};

function VersionButtons({ flow, version: { name }, isLatest, ask }: ButtonsProps) {
  const toasts = useToasts();
  const save = async () => {
    try {
      download(await exportArchive(flow, name), `${flow}-${name}.zip`);
    } catch (failure) {
      toasts.failed(`Version ${name} was not exported.`, failure);
    }
  };
  return (
    <span>
      <Button size="small" appearance="subtle" aria-label={`Changes in version ${name}`} onClick={() => ask("changes")}>
        Changes
      </Button>
      <Button
        size="small"
        appearance="subtle"
        icon={<ArrowDownloadRegular />}
        aria-label={`Export version ${name}`}
        title="Export"
        onClick={() => void save()}
      />
      {!isLatest && (
        <Allowed to="flows/write" on={`/flows/${flow}`}>
          <Button
            size="small"
            appearance="subtle"
            icon={<HistoryRegular />}
            aria-label={`Restore version ${name}`}
            onClick={() => ask("restore")}
          >
            Restore
          </Button>
        </Allowed>
      )}
    </span>
  );
}
