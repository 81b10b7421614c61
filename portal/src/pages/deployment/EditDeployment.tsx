import { Field, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { change, type Deployment, deploymentPath, patchOf, type Read } from "../../api/endpoints";
import { FormDialog } from "../../components/FormDialog";
import { TagsEditor } from "../../components/TagsEditor";
import { useToasts } from "../../components/toasts";
import { SizeAndCount } from "./SizeAndCount";

type Props = { endpoint: string; read: Read<Deployment>; onClose: () => void };

/** Size, count, description, tags and environment variables. Mounted while open. */
export function EditDeployment({ endpoint, read, onClose }: Props) {
  const toasts = useToasts();
  // Of when it was opened: what somebody else changes meanwhile is not to be lost silently.
  const [{ resource, etag }] = useState(read);
  const { name, properties } = resource;
  const [size, setSize] = useState({ instanceType: properties.instanceType, count: resource.sku.capacity });
  const [description, setDescription] = useState(properties.description);
  const [tags, setTags] = useState(resource.tags ?? {});
  const [variables, setVariables] = useState(properties.environmentVariables);
  const submit = async () => {
    const patch = {
      sku: { capacity: size.count },
      tags: patchOf(resource.tags ?? {}, tags),
      properties: {
        instanceType: size.instanceType,
        description,
        environmentVariables: patchOf(properties.environmentVariables, variables),
      },
    };
    await change("PATCH", deploymentPath(endpoint, name), patch, etag);
    toasts.done(`${endpoint}/${name}: saved`);
  };
  return (
    <FormDialog title={`Edit ${name}`} action="Save" refusal="It was not saved." onSubmit={submit} onClose={onClose}>
      <SizeAndCount value={size} onChange={setSize} />
      <Field label="Description">
        <Textarea value={description} onChange={(_, { value }) => setDescription(value)} />
      </Field>
      <Field label="Tags">
        <TagsEditor noun="tag" value={tags} onChange={setTags} />
      </Field>
      <Field
        label="Environment variables"
        hint="A secret is shown as ********: left so, it stays as it is. Changed variables start new instances, and no request fails by that."
      >
        <TagsEditor noun="environment variable" value={variables} onChange={setVariables} />
      </Field>
    </FormDialog>
  );
}
