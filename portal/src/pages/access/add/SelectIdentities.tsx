import { Dropdown, Field, Option, OptionGroup } from "@fluentui/react-components";
import { useState } from "react";
import { useEndpoints, useIdentities } from "../../../api/access";
import { RouteLink } from "../../../components/RouteLink";
import { Failure } from "../../../components/states";
import type { Member } from "./draft";
import { SelectionDrawer } from "./SelectionDrawer";

const USER_ASSIGNED = "User-assigned managed identity";
const ENDPOINT = "Machine learning online endpoint";

type Props = { onSelect: (members: Member[]) => void; onClose: () => void };

/** Identities that were created by themselves, by name, and those of endpoints, by the endpoint's name. */
export function SelectIdentities({ onSelect, onClose }: Props) {
  const [kind, setKind] = useState(USER_ASSIGNED);
  const [sought, setSought] = useState("");
  const found = useMembers();
  const { members, failure } = kind === ENDPOINT ? found.endpoints : found.identities;
  const option = (name: string, count: number) => <Option value={name} text={name}>{`${name} (${count})`}</Option>;
  return (
    <SelectionDrawer
      title="Select managed identities"
      searchLabel={kind === ENDPOINT ? "Search by endpoint name" : "Search by identity name"}
      offered={members}
      none={<None kind={kind} />}
      sought={sought}
      onSeek={setSought}
      onSelect={onSelect}
      onClose={onClose}
    >
      <Field label="Managed identity">
        <Dropdown
          value={kind}
          selectedOptions={[kind]}
          onOptionSelect={(_, { optionValue }) => setKind(optionValue ?? USER_ASSIGNED)}
        >
          <OptionGroup label="User-assigned">{option(USER_ASSIGNED, found.identities.members.length)}</OptionGroup>
          <OptionGroup label="System-assigned managed identity">
            {option(ENDPOINT, found.endpoints.members.length)}
          </OptionGroup>
        </Dropdown>
      </Field>
      {failure !== null && <Failure failure={failure} />}
    </SelectionDrawer>
  );
}

function None({ kind }: { kind: string }) {
  if (kind === ENDPOINT) return <>No endpoint here has an identity of its own.</>;
  return (
    <>
      There is no user-assigned identity yet. Create one under{" "}
      <RouteLink inline to="/access" search={{ tab: "identities" }}>
        Identities
      </RouteLink>
      .
    </>
  );
}

function useMembers() {
  const identities = useIdentities();
  const endpoints = useEndpoints();
  const member = (objectId: string, name: string, kind: string): Member => ({
    objectId,
    name,
    kind,
    type: "ServicePrincipal",
  });
  return {
    identities: {
      failure: identities.error,
      members: (identities.data ?? []).map(({ name, properties }) =>
        member(properties.principalId, name, USER_ASSIGNED),
      ),
    },
    endpoints: {
      failure: endpoints.error,
      members: (endpoints.data ?? []).flatMap(({ name, identity }) =>
        identity?.principalId ? [member(identity.principalId, name, ENDPOINT)] : [],
      ),
    },
  };
}
