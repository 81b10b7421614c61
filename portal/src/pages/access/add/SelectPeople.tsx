import { useState } from "react";
import { usePrincipals } from "../../../api/access";
import { Failure } from "../../../components/states";
import { isGuid, type Member } from "./draft";
import { SelectionDrawer } from "./SelectionDrawer";

type Props = { onSelect: (members: Member[]) => void; onClose: () => void };

/** Users and service principals by name; whoever only an external issuer knows, users and groups, by the object id. */
export function SelectPeople({ onSelect, onClose }: Props) {
  const [sought, setSought] = useState("");
  const query = usePrincipals();
  const known = (query.data ?? [])
    .filter(({ properties }) => !properties.resourceId)
    .map(({ name, properties }): Member => {
      const isUser = properties.type === "User";
      return {
        objectId: properties.principalId,
        name,
        kind: isUser ? "User" : "Service principal",
        type: isUser ? "User" : "ServicePrincipal",
      };
    });
  return (
    <SelectionDrawer
      title="Select members"
      searchLabel="Search by name or object id"
      offered={[...known, ...strangers(sought.trim(), known)]}
      none="Nobody is known by name here. An object id of the external issuer can be given instead."
      sought={sought}
      onSeek={setSought}
      onSelect={onSelect}
      onClose={onClose}
    >
      {query.isError && <Failure failure={query.error} />}
    </SelectionDrawer>
  );
}

/** An object id that nobody here has: somebody elsewhere, whom the external issuer vouches for. */
function strangers(objectId: string, known: Member[]): Member[] {
  if (!isGuid(objectId) || known.some((each) => each.objectId.toLowerCase() === objectId.toLowerCase())) return [];
  return [{ objectId, name: objectId, kind: "User of the external issuer", type: "User" }];
}
