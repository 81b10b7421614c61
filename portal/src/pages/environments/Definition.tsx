import { makeStyles, Tag, Text, tokens } from "@fluentui/react-components";
import { CodeEditor } from "../../components/CodeEditor";
import { Facts, knownFacts } from "../../components/Facts";
import { Moment } from "../../components/Moment";
import { packagesOf, type Version } from "./environment";

const useStyles = makeStyles({
  packages: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalXS,
    maxHeight: "12rem",
    overflow: "auto",
    listStyle: "none",
    padding: 0,
    margin: 0,
  },
  tag: { maxWidth: "100%", height: "auto", overflowWrap: "anywhere" },
  mono: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

/** What a version consists of. */
export function Definition({ version }: { version: Version }) {
  const styles = useStyles();
  const { properties, systemData } = version;
  const packages = properties.packages ?? packagesOf(properties.condaFile);
  return (
    <>
      <Facts
        facts={knownFacts([
          ["Kind", properties.environmentType === "Curated" ? "A part of Flowstead" : "Registered"],
          ["Image", properties.image, true],
          ["Build context", properties.build?.contextUri, true],
          ["Dockerfile", properties.build?.dockerfilePath],
          ["Operating system", properties.osType],
          ["Routes", properties.inferenceConfig ? JSON.stringify(properties.inferenceConfig) : ""],
          ["Description", properties.description],
          [
            "Tags",
            Object.entries(properties.tags)
              .map(([name, value]) => `${name}: ${value}`)
              .join(" · "),
          ],
          [
            "Created",
            systemData && (
              <>
                <Moment at={systemData.createdAt} /> by {systemData.createdBy}
              </>
            ),
          ],
        ])}
      />
      {packages.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard
        <ul className={styles.packages} aria-label="Packages" tabIndex={0}>
          {packages.map((each) => (
            <li key={each}>
              <Tag size="small" className={styles.tag}>
                <Text className={styles.mono}>{each}</Text>
              </Tag>
            </li>
          ))}
        </ul>
      )}
      {properties.condaFile && (
        <CodeEditor key={version.id} label="conda.yaml" language="yaml" value={properties.condaFile} readOnly />
      )}
    </>
  );
}
