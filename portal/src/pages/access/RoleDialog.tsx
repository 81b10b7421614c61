import { Field, Input, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { ask, below, type Permission, type Role, roleFrom } from "../../api/access";
import { SUBSCRIPTION_ID } from "../../api/client";
import { type Patch, patchBetween, patched } from "../../api/edits";
import type { Read } from "../../api/endpoints";
import { newGuid } from "../../api/guid";
import { noteChange } from "../../api/queries";
import { FormDialog } from "../../components/FormDialog";
import { useToasts } from "../../components/toasts";
import { useEdit } from "../../components/useEdit";
import { ActionList } from "./ActionList";
import { faultOf } from "./actions";
import { type Scope, scopeOf, titleOf } from "./scopes";

/** typed: what stands in the boxes and is not on the lists yet. */
type Draft = { roleName: string; description: string; permission: Permission; typed: Record<keyof Permission, string> };

const EMPTY: Permission = { actions: [], notActions: [], dataActions: [], notDataActions: [] };
const UNTYPED: Draft["typed"] = { actions: "", notActions: "", dataActions: "", notDataActions: "" };
/** The kinds of actions in a draft, in their order. */
const LISTS: readonly { field: keyof Permission; label: string; hint: string; isData: boolean }[] = [
  { field: "actions", label: "Actions", hint: "What its members may do. * stands for any part.", isData: false },
  { field: "notActions", label: "Not actions", hint: "Taken from the actions above.", isData: false },
  { field: "dataActions", label: "Data actions", hint: "On what is in resources, such as blobs.", isData: true },
  { field: "notDataActions", label: "Not data actions", hint: "Taken from the data actions above.", isData: true },
];

type Props = { scope: Scope; role?: Role; onClose: () => void };

/** Creates a custom role that can be granted on the scope, or changes one for everybody who has it. */
export function RoleDialog({ scope, role: opened, onClose }: Props) {
  const { resource: role, save } = useEdit(opened);
  const toasts = useToasts();
  const [draft, setDraft] = useState<Draft>(() => draftOf(role));
  const scopes = role?.properties.assignableScopes ?? [scope.id];
  const permission = permissionOf(draft);
  const isWellTyped = Object.values(permission)
    .flat()
    .every((action) => faultOf(action) === "");
  const count = Object.values(permission).flat().length;
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const submit = async () => {
    const path = roleFrom(scope.id, role?.name ?? newGuid());
    const put = (properties: object) => ask("PUT", path, { properties });
    const wanted = bodyOf(draft, permission, scopes);
    const patch = role ? patchBetween(bodyOf(draftOf(role), permissionOf(draftOf(role)), scopes), wanted) : {};
    const write = ({ resource }: Read<Patch>) => put(patched((resource as Role).properties, patch));
    await (role ? save({ path, patch: { properties: patch }, write }) : put(wanted));
    noteChange(below(SUBSCRIPTION_ID, "roleDefinitions", role?.name));
    toasts.done(`The role ${draft.roleName} is ${role ? "changed" : "created"}.`);
  };
  return (
    <FormDialog
      title={role ? `Edit ${role.properties.roleName}` : "Create a custom role"}
      action={role ? "Save" : "Create"}
      refusal="The role was not saved."
      ready={draft.roleName.trim() !== "" && count > 0 && isWellTyped}
      isWide
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="Custom role name" required>
        <Input value={draft.roleName} onChange={(_, { value }) => set({ roleName: value })} />
      </Field>
      <Field label="Description">
        <Textarea value={draft.description} onChange={(_, { value }) => set({ description: value })} />
      </Field>
      <Field label="Can be granted on" hint="And on what lies below.">
        <Input readOnly value={scopes.map((each) => titleOf(scopeOf(each))).join(", ")} />
      </Field>
      {LISTS.map(({ field, label, hint, isData }) => (
        <ActionList
          key={field}
          label={label}
          hint={hint}
          isData={isData}
          value={draft.permission[field]}
          typed={draft.typed[field]}
          onType={(text) => set({ typed: { ...draft.typed, [field]: text } })}
          onChange={(next) =>
            set({ permission: { ...draft.permission, [field]: next }, typed: { ...draft.typed, [field]: "" } })
          }
        />
      ))}
    </FormDialog>
  );
}

function draftOf(role: Role | undefined): Draft {
  if (!role) return { roleName: "", description: "", permission: EMPTY, typed: UNTYPED };
  const { roleName, description, permissions } = role.properties;
  return { roleName, description, permission: { ...EMPTY, ...permissions[0] }, typed: UNTYPED };
}

/** With what is typed and not put on the lists: nobody who typed it means it not to count. */
function permissionOf({ permission, typed }: Draft): Permission {
  const whole = LISTS.map(({ field }) => {
    const more = typed[field].trim();
    return [field, more && !permission[field].includes(more) ? [...permission[field], more] : permission[field]];
  });
  return Object.fromEntries(whole);
}

function bodyOf({ roleName, description }: Draft, permission: Permission, assignableScopes: string[]) {
  return { roleName: roleName.trim(), description, type: "CustomRole", permissions: [permission], assignableScopes };
}
