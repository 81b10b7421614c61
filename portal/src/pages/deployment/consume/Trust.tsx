import { Link, makeStyles, Subtitle2, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { send } from "../../../api/client";
import { CopyButton } from "../../../components/CopyButton";
import type { Sample } from "./samples/call";

const useStyles = makeStyles({
  place: { display: "grid", gap: tokens.spacingVerticalS, minWidth: 0 },
  commands: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr) auto",
    gap: tokens.spacingHorizontalXS,
    alignItems: "start",
  },
  code: {
    margin: 0,
    padding: tokens.spacingHorizontalS,
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
  },
});

/** What a program needs that comes by HTTPS, where the installation's own authority has signed the certificate. */
export function Trust({ url, sample }: { url: string; sample: Sample }) {
  const styles = useStyles();
  const isHttps = url.startsWith("https:");
  const own = useQuery({
    queryKey: ["ca.pem"],
    queryFn: async () => (await send("/ca.pem")).ok,
    staleTime: Number.POSITIVE_INFINITY,
    enabled: isHttps,
  });
  if (!isHttps || !own.data) return null;
  return (
    <section className={styles.place} aria-label="Trust this installation's certificate">
      <Subtitle2 as="h3">Trust this installation's certificate</Subtitle2>
      <Text>
        Its own authority has signed it, which no machine knows by itself.{" "}
        <Link inline href="/ca.pem" download="ca.pem">
          Download ca.pem
        </Link>
        , compare it with tls/ca.pem in the server's home, and put it beside the program. Then, before you run it in{" "}
        {sample.label}:
      </Text>
      <div className={styles.commands}>
        <pre className={styles.code}>{sample.trust}</pre>
        <CopyButton text={sample.trust} what="the setting" />
      </div>
    </section>
  );
}
