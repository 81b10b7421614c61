import { makeStyles, Text, tokens } from "@fluentui/react-components";
import type { Endpoint } from "../../api/endpoints";
import { spokenScope, useRolesOf } from "../../api/roles";
import { CopyButton } from "../../components/CopyButton";
import { Facts } from "../../components/Facts";
import { RouteButton } from "../../components/RouteLink";
import { Section } from "../../components/Section";
import { Loaded } from "../../components/states";

const useStyles = makeStyles({
  list: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL, overflowWrap: "anywhere" },
  id: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

const ENFORCE = "enforce_access_to_default_secret_stores";

/** As whom the flow reaches what it needs, and what that may do. */
export function Identity({ endpoint }: { endpoint: Endpoint }) {
  const { identity } = endpoint;
  const principals = principalsOf(endpoint);
  const enforced = endpoint.properties.properties[ENFORCE];
  return (
    <Section
      title="Identity"
      actions={
        <RouteButton to="/access" size="small">
          Access control (IAM)
        </RouteButton>
      }
    >
      <Facts
        facts={[
          { label: "Identity type", value: TYPES[identity.type] ?? identity.type },
          ...(enforced ? [{ label: "Enforce access to connection secrets (preview)", value: enforced }] : []),
        ]}
      />
      {principals.map((principal) => (
        <Principal key={principal.id} {...principal} />
      ))}
    </Section>
  );
}

const TYPES: Record<string, string> = {
  SystemAssigned: "System assigned",
  UserAssigned: "User assigned",
  "SystemAssigned,UserAssigned": "System assigned and user assigned",
};

function principalsOf({ identity }: Endpoint): { name: string; id: string }[] {
  const assigned = Object.entries(identity.userAssignedIdentities ?? {});
  return [
    ...(identity.principalId ? [{ name: "System-assigned identity", id: identity.principalId }] : []),
    ...assigned.flatMap(([arm, { principalId }]) =>
      principalId ? [{ name: arm.split("/").at(-1) ?? arm, id: principalId }] : [],
    ),
  ];
}

function Principal({ name, id }: { name: string; id: string }) {
  const styles = useStyles();
  const roles = useRolesOf(id);
  const copied = (
    <>
      <span className={styles.id}>{id}</span>
      <CopyButton text={id} what="principal id" />
    </>
  );
  return (
    <>
      <Facts
        facts={[
          { label: "Identity", value: name },
          { label: "Principal id", value: copied },
        ]}
      />
      <Text weight="semibold">Roles</Text>
      <Loaded query={roles}>
        {(found) =>
          found.length === 0 ? (
            <Text>It has no role. Grant it one on the page Access control (IAM).</Text>
          ) : (
            <ul className={styles.list} aria-label={`Roles of ${name}`}>
              {found.map((each) => (
                <li key={each.id}>
                  {each.role}, on {spokenScope(each.scope)}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}
