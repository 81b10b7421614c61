import {
  Button,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Text,
  tokens,
} from "@fluentui/react-components";
import { BoxToolboxRegular } from "@fluentui/react-icons";
import { useEffect, useRef } from "react";
import { ApiError, forPeople } from "../../api/client";
import { Allowed } from "../../components/Allowed";
import { Section } from "../../components/Section";
import { StateBadge } from "../../components/StateBadge";
import { Failure, Loaded } from "../../components/states";
import { useBuild, useBuilding } from "./builds";
import type { Build } from "./environment";

const useStyles = makeStyles({
  line: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalM },
  hint: { color: tokens.colorNeutralForeground2 },
  log: {
    margin: 0,
    maxHeight: "24rem",
    overflow: "auto",
    padding: tokens.spacingHorizontalM,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
  },
  why: { whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
});

const WORDS: Record<Build["properties"]["state"], string> = {
  NotBuilt: "Not built yet",
  Building: "Building",
  Succeeded: "Succeeded",
  Failed: "Failed",
};

/** Whether the version can be built, and the builder's words, as they come. */
export function BuildSection({ name, version }: { name: string; version: string }) {
  const styles = useStyles();
  const query = useBuild(name, version);
  const { running, log, failure, start } = useBuilding(name, version);
  const found = query.data?.properties;
  const isOwn = failure instanceof ApiError && failure.status === 200;
  return (
    <Section
      title="Build"
      actions={
        <Allowed to="environments/build/action" on={`/environments/${name}/versions/${version}`}>
          <Button icon={<BoxToolboxRegular />} disabled={running} onClick={() => void start()}>
            {found?.state === "Building" ? "Follow the build" : found?.state === "Failed" ? "Build again" : "Build"}
          </Button>
        </Allowed>
      }
    >
      <Loaded query={query}>
        {({ properties }) => (
          <>
            <div className={styles.line}>
              <StateBadge state={running ? "Building" : WORDS[properties.state]} />
              <Text size={200} className={styles.hint}>
                A build tells at once whether its packages can be had. A deployment builds it with its flow's
                requirements.txt when it needs it.
              </Text>
            </div>
            {failure !== null && !isOwn && <Failure failure={failure} title="It is not being built." />}
            {!running && properties.error && (failure === null || isOwn) && <Why error={properties.error} />}
            <Log text={log ?? properties.log} running={running} />
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Why({ error }: { error: { code: string; message: string } }) {
  const styles = useStyles();
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{error.code}</MessageBarTitle>
        <span className={styles.why}>{forPeople(error.message)}</span>
      </MessageBarBody>
    </MessageBar>
  );
}

function Log({ text, running }: { text: string; running: boolean }) {
  const styles = useStyles();
  const place = useRef<HTMLPreElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: to the end whenever something is added
  useEffect(() => {
    if (running && place.current) place.current.scrollTop = place.current.scrollHeight;
  }, [text, running]);
  if (!text && !running) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard
    <pre ref={place} className={styles.log} role="log" aria-label="Build log" tabIndex={0}>
      {text || "…"}
    </pre>
  );
}
