import { Field, Textarea } from "@fluentui/react-components";
import { useState } from "react";
import { FormDialog } from "../../../components/FormDialog";
import { TagsEditor } from "../../../components/TagsEditor";
import { describeFlow, type Flow } from "../api";

export function DescribeDialog({ flow, onClose }: { flow: Flow; onClose: () => void }) {
  const [description, setDescription] = useState(flow.properties.description ?? "");
  const [tags, setTags] = useState(flow.properties.tags);
  return (
    <FormDialog
      title={`Description and tags of ${flow.name}`}
      action="Save"
      onSubmit={() => describeFlow(flow.name, { description, tags })}
      onClose={onClose}
    >
      <Field label="Description">
        <Textarea value={description} onChange={(_, { value }) => setDescription(value)} rows={3} />
      </Field>
      <Field label="Tags">
        <TagsEditor noun="tag" value={tags} onChange={setTags} />
      </Field>
    </FormDialog>
  );
}
