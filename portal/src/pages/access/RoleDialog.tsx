import { Field, Input, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { ask, below, newGuid, type Permission, type Role } from "../../api/access";
import { SUBSCRIPTION_ID } from "../../api/client";
import { noteChange } from "../../api/queries";
import { FormDialog } from "../../components/FormDialog";
import { useToasts } from "../../components/toasts";
import { ActionList } from "./ActionList";
import { type Scope, scopeOf, titleOf } from "./scopes";

type Draft = { roleName: string; description: string; permission: Permission };

const EMPTY: Permission = { actions: [], notActions: [], dataActions: [], notDataActions: [] };
/** The kinds of actions in a draft, in their order. */
const LISTS: readonly { field: keyof Permission; label: string; hint: string; isData: boolean }[] = [
  { field: "actions", label: "Actions", hint: "What its members may do. * stands for any part.", isData: false },
  { field: "notActions", label: "Not actions", hint: "Taken from the actions above.", isData: false },
  { field: "dataActions", label: "Data actions", hint: "On what is in resources, such as blobs.", isData: true },
  { field: "notDataActions", label: "Not data actions", hint: "Taken from the data actions above.", isData: true },
];

type Props = { scope: Scope; role?: Role; onClose: () => void };

/** Creates a custom role that can be granted on the scope, or changes one for everybody who has it. */
export function RoleDialog({ scope, role, onClose }: Props) {
  const toasts = useToasts();
  const [draft, setDraft] = useState<Draft>(() => draftOf(role));
  const scopes = role?.properties.assignableScopes ?? [scope.id];
  const count = Object.values(draft.permission).flat().length;
  const set = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const submit = async () => {
    const id = role?.id ?? below(SUBSCRIPTION_ID, "roleDefinitions", newGuid());
    await ask("PUT", id, { properties: bodyOf(draft, scopes) });
    noteChange(id);
    toasts.done(`The role ${draft.roleName} is ${role ? "changed" : "created"}.`);
  };
  return (
    <FormDialog
      title={role ? `Edit ${role.properties.roleName}` : "Create a custom role"}
      action={role ? "Save" : "Create"}
      refusal="The role was not saved."
      ready={draft.roleName.trim() !== "" && count > 0}
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
          onChange={(next) => set({ permission: { ...draft.permission, [field]: next } })}
        />
      ))}
    </FormDialog>
  );
}

function draftOf(role: Role | undefined): Draft {
  if (!role) return { roleName: "", description: "", permission: EMPTY };
  const { roleName, description, permissions } = role.properties;
  return { roleName, description, permission: { ...EMPTY, ...permissions[0] } };
}

function bodyOf({ roleName, description, permission }: Draft, assignableScopes: string[]) {
  return { roleName: roleName.trim(), description, type: "CustomRole", permissions: [permission], assignableScopes };
}
