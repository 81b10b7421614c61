import { Field, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { patchBetween } from "../../api/edits";
import { type Deployment, deploymentPath } from "../../api/endpoints";
import { FormDialog } from "../../components/FormDialog";
import { TagsEditor } from "../../components/TagsEditor";
import { useToasts } from "../../components/toasts";
import { useEdit } from "../../components/useEdit";
import { isScaled } from "./life/scaling";
import { SizeAndCount } from "./SizeAndCount";

type Props = { endpoint: string; deployment: Deployment; onClose: () => void };

/** Size, count, description, tags and environment variables. Mounted while open. */
export function EditDeployment({ endpoint, deployment, onClose }: Props) {
  const toasts = useToasts();
  const { resource, save } = useEdit(deployment);
  const { name, properties } = resource;
  const [size, setSize] = useState({ instanceType: properties.instanceType, count: resource.sku.capacity });
  const [description, setDescription] = useState(properties.description);
  const [tags, setTags] = useState(resource.tags ?? {});
  const [variables, setVariables] = useState(properties.environmentVariables);
  const submit = async () => {
    const after = {
      sku: { capacity: size.count },
      tags,
      properties: { instanceType: size.instanceType, description, environmentVariables: variables },
    };
    await save({ path: deploymentPath(endpoint, name), patch: patchBetween(editedOf(resource), after) });
    toasts.done(`${endpoint}/${name}: saved`);
  };
  return (
    <FormDialog title={`Edit ${name}`} action="Save" refusal="It was not saved." onSubmit={submit} onClose={onClose}>
      <SizeAndCount value={size} scaled={isScaled(resource.properties.scaleSettings)} onChange={setSize} />
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

function editedOf({ sku: { capacity }, tags = {}, properties }: Deployment) {
  const { instanceType, description, environmentVariables } = properties;
  return { sku: { capacity }, tags, properties: { instanceType, description, environmentVariables } };
}
