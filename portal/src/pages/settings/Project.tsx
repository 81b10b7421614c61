import { Link, makeStyles, Text, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { api, at, body, errorOf, GROUP_ID, SITE, send, WORKSPACE_ID } from "../../api/client";
import { keyOf } from "../../api/queries";
import { useSession } from "../../api/session";
import { CodeEditor } from "../../components/CodeEditor";
import { CopyButton } from "../../components/CopyButton";
import { Panel } from "../../components/Panel";
import { Loaded } from "../../components/states";
import { Facts } from "./Facts";
import { connectSnippet, placeOf } from "./snippet";

const useStyles = makeStyles({ words: { color: tokens.colorNeutralForeground2 } });

/** Where this is, and how programs find it. */
export function Project() {
  const styles = useStyles();
  const workspace = useQuery({
    queryKey: keyOf(WORKSPACE_ID),
    queryFn: () => body(api.GET(SITE, { params: { path: at() } })),
  });
  const version = useQuery({
    queryKey: ["health"],
    queryFn: async () => {
      const answer = await send("/health");
      if (!answer.ok) throw await errorOf(answer);
      return ((await answer.json()) as { version: string }).version;
    },
  });
  const session = useSession();
  const tenant = session.state === "in" ? session.person.tenantId : "";
  const snippet = connectSnippet(location.origin, tenant);
  const place = placeOf(WORKSPACE_ID);
  return (
    <>
      <Panel title="Project">
        <Loaded query={workspace}>
          {({ name, location: region }) => (
            <Facts
              facts={[
                { label: "Project (workspace)", value: name },
                { label: "Workspace id", value: WORKSPACE_ID, copy: WORKSPACE_ID },
                { label: "Subscription id", value: place.subscription, copy: place.subscription },
                { label: "Resource group", value: place.group, copy: place.group },
                { label: "Resource group id", value: GROUP_ID, copy: GROUP_ID },
                { label: "Tenant id", value: tenant, copy: tenant },
                { label: "Location", value: region },
                { label: "Address", value: location.origin, copy: location.origin },
                { label: "Flowstead version", value: version.data ?? "…" },
              ]}
            />
          )}
        </Loaded>
      </Panel>
      <Panel title="Certificate authority">
        <Text className={styles.words}>
          Programs that come by HTTPS must trust the authority that signed this server's certificate. Compare what you
          fetch with tls/ca.pem in the server's home.
        </Text>
        <div>
          <Link href="/ca.pem" download="ca.pem">
            Download ca.pem
          </Link>
        </div>
      </Panel>
      <Panel title="Connect with the SDK" more={<CopyButton text={snippet} what="the code" />}>
        <Text className={styles.words}>
          azure-ai-ml works as it is. It signs in with a principal's client id and secret: see Access control (IAM),
          Principals. It wants HTTPS.
        </Text>
        <CodeEditor label="Connect with azure-ai-ml" language="python" value={snippet} readOnly />
      </Panel>
    </>
  );
}
