import { Field, Switch, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { change, type Endpoint, endpointPath, patchOf, type Read } from "../../api/endpoints";
import { FormDialog } from "../../components/FormDialog";
import { TagsEditor } from "../../components/TagsEditor";
import { useToasts } from "../../components/toasts";

/** Description, tags and public network access. Mounted while open. */
export function EditEndpoint({ endpoint, onClose }: { endpoint: Read<Endpoint>; onClose: () => void }) {
  const toasts = useToasts();
  // Of when it was opened: what somebody else changes meanwhile is not to be lost silently.
  const [{ resource, etag }] = useState(endpoint);
  const [description, setDescription] = useState(resource.properties.description);
  const [tags, setTags] = useState(resource.tags ?? {});
  const [isPublic, setPublic] = useState(resource.properties.publicNetworkAccess !== "Disabled");
  const submit = async () => {
    const properties = { description, publicNetworkAccess: isPublic ? "Enabled" : "Disabled" };
    const patch = { tags: patchOf(resource.tags ?? {}, tags), properties };
    await change("PATCH", endpointPath(resource.name), patch, etag);
    toasts.done(`${resource.name}: saved`);
  };
  return (
    <FormDialog
      title={`Edit ${resource.name}`}
      action="Save"
      refusal="It was not saved."
      onSubmit={submit}
      onClose={onClose}
    >
      <Field label="Description">
        <Textarea value={description} onChange={(_, { value }) => setDescription(value)} />
      </Field>
      <Field label="Tags">
        <TagsEditor noun="tag" value={tags} onChange={setTags} />
      </Field>
      <Field hint="Kept for Azure ML's tools. Who can reach this machine's door can reach the endpoint either way.">
        <Switch
          label="Public network access"
          checked={isPublic}
          onChange={(_, { checked }) => setPublic(Boolean(checked))}
        />
      </Field>
    </FormDialog>
  );
}
