import { Combobox, Field, makeStyles, Option, OptionGroup } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useEndpoints, useIdentities } from "../../api/access";
import { all } from "../../api/client";
import { keyOf } from "../../api/queries";
import { FIXED, type Scope, scopeOf, scopeOfName, titleOf } from "./scopes";

const useStyles = makeStyles({ field: { width: "min(28rem, 100%)" }, list: { maxHeight: "20rem" } });

/** Where: what there is one of, and endpoints, connections and identities by name. */
export function ScopePicker({ scope, onPick }: { scope: Scope; onPick: (scope: Scope) => void }) {
  const styles = useStyles();
  const [typed, setTyped] = useState<string | null>(null);
  const sought = (typed ?? "").toLowerCase();
  const groups = useScopes(scope)
    .map((group) => ({ ...group, scopes: group.scopes.filter((each) => titleOf(each).toLowerCase().includes(sought)) }))
    .filter(({ scopes }) => scopes.length > 0);
  return (
    <Field label="Scope" className={styles.field}>
      <Combobox
        value={typed ?? titleOf(scope)}
        selectedOptions={[scope.key]}
        onChange={(event) => setTyped(event.target.value)}
        onOpenChange={(_, { open }) => setTyped(open ? "" : null)}
        onOptionSelect={(_, { optionValue }) => {
          setTyped(null);
          if (optionValue) onPick(scopeOf(optionValue));
        }}
        listbox={{ className: styles.list }}
      >
        {groups.map(({ label, scopes }) => (
          <OptionGroup key={label} label={label}>
            {scopes.map((each) => (
              <Option key={each.key} value={each.key}>
                {titleOf(each)}
              </Option>
            ))}
          </OptionGroup>
        ))}
        {groups.length === 0 && <Option disabled value="">{`Nothing here is called “${typed}”.`}</Option>}
      </Combobox>
    </Field>
  );
}

function useScopes(scope: Scope): { label: string; scopes: Scope[] }[] {
  const endpoints = useEndpoints().data ?? [];
  const identities = useIdentities().data ?? [];
  const connections =
    useQuery({
      queryKey: keyOf("/connections", "names"),
      queryFn: () => all<{ name: string }>("/connections"),
    }).data ?? [];
  const groups = [
    { label: "This server", scopes: [...FIXED] },
    { label: "Endpoints", scopes: endpoints.map(({ name }) => scopeOfName("endpoint", name)) },
    { label: "Connections", scopes: connections.map(({ name }) => scopeOfName("connection", name)) },
    { label: "Identities", scopes: identities.map(({ name }) => scopeOfName("identity", name)) },
  ];
  const listed = groups.some(({ scopes }) => scopes.some(({ key }) => key === scope.key));
  return listed ? groups : [{ label: "From the address", scopes: [scope] }, ...groups];
}
