import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  makeStyles,
  Switch,
  Textarea,
  tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import { change, type Endpoint, endpointPath, patchOf, type Read } from "../../api/endpoints";
import { Failure } from "../../components/states";
import { TagsEditor } from "../../components/TagsEditor";
import { useToasts } from "../../components/toasts";

const useStyles = makeStyles({ form: { display: "grid", gap: tokens.spacingVerticalM } });

/** Description, tags and public network access. Mounted while open. */
export function EditEndpoint({ endpoint, onClose }: { endpoint: Read<Endpoint>; onClose: () => void }) {
  const styles = useStyles();
  const toasts = useToasts();
  // Of when it was opened: what somebody else changes meanwhile is not to be lost silently.
  const [{ resource, etag }] = useState(endpoint);
  const [description, setDescription] = useState(resource.properties.description);
  const [tags, setTags] = useState(resource.tags ?? {});
  const [isPublic, setPublic] = useState(resource.properties.publicNetworkAccess !== "Disabled");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const submit = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    const properties = { description, publicNetworkAccess: isPublic ? "Enabled" : "Disabled" };
    try {
      await change(
        "PATCH",
        endpointPath(resource.name),
        { tags: patchOf(resource.tags ?? {}, tags), properties },
        etag,
      );
      toasts.done(`${resource.name}: saved`);
      onClose();
    } catch (thrown) {
      setFailure(thrown);
      setBusy(false);
    }
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface>
        <form onSubmit={submit}>
          <DialogBody>
            <DialogTitle>Edit {resource.name}</DialogTitle>
            <DialogContent className={styles.form}>
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
              {failure !== null && <Failure failure={failure} title="It was not saved." />}
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>Cancel</Button>
              <Button type="submit" appearance="primary" disabled={busy}>
                Save
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
