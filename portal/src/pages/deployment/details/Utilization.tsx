import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { deploymentPath, read } from "../../../api/endpoints";
import { keyOf } from "../../../api/queries";
import { RouteLink } from "../../../components/RouteLink";
import { Section } from "../../../components/Section";
import { Loaded } from "../../../components/states";
import { type Line, lineOf, type MetricsAnswer, pathOf, spokenValue, TITLES } from "./metrics";

const LOOK_AGAIN_MS = 15_000;
const [WIDTH, HEIGHT] = [240, 48];

const useStyles = makeStyles({
  charts: {
    display: "grid",
    gap: tokens.spacingVerticalL,
    gridTemplateColumns: "repeat(auto-fit, minmax(min(100%, 12rem), 1fr))",
  },
  chart: { display: "grid", gap: tokens.spacingVerticalXS, minWidth: 0 },
  box: {
    width: "100%",
    height: `${HEIGHT}px`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke1}`,
  },
  line: { fill: "none", stroke: tokens.colorBrandStroke1, strokeWidth: "2px", vectorEffect: "non-scaling-stroke" },
  name: { display: "flex", justifyContent: "space-between", gap: tokens.spacingHorizontalS },
});

/** Requests and utilisation of the last hour, by the minute. */
export function Utilization({ endpoint, deployment }: { endpoint: string; deployment: string }) {
  const styles = useStyles();
  const path = `${deploymentPath(endpoint, deployment)}/providers/Microsoft.Insights/metrics`;
  const query = useQuery({
    queryKey: keyOf(path),
    queryFn: async () => (await read<MetricsAnswer>(path)).resource,
    refetchInterval: LOOK_AGAIN_MS,
  });
  return (
    <Section title="Utilization, last hour">
      <Loaded query={query}>
        {({ value, timespan }) => {
          const lines = value.map((metric) => lineOf(metric, timespan));
          const measured = lines.filter(({ unit, latest }) => unit === "Count" || latest !== null);
          return (
            <>
              <div className={styles.charts}>
                {measured.map((line) => (
                  <Chart key={line.name} line={line} />
                ))}
              </div>
              {measured.length < lines.length && <Missing />}
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

function Chart({ line }: { line: Line }) {
  const styles = useStyles();
  const title = TITLES[line.name] ?? line.name;
  const value = spokenValue(line.latest, line.unit);
  return (
    <figure className={styles.chart} style={{ margin: 0 }}>
      <figcaption className={styles.name}>
        <Text>{title}</Text>
        <Text weight="semibold">{value}</Text>
      </figcaption>
      <svg
        className={styles.box}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}, by the minute of the last hour; now ${value}`}
      >
        <path className={styles.line} d={pathOf(line, WIDTH, HEIGHT)} />
      </svg>
    </figure>
  );
}

function Missing() {
  return (
    <Text>
      CPU, memory and disk are measured while an instance runs and the endpoint's identity has the role AzureML Metrics
      Writer (preview) on the workspace, from the next look on. Grant it on the page{" "}
      <RouteLink to="/access">Access control (IAM)</RouteLink>: Managed identity, Machine learning online endpoint.
    </Text>
  );
}
