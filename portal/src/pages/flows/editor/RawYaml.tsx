import { Field, Input, makeStyles, tokens } from "@fluentui/react-components";
import { useRefusal } from "../../../api/may";
import { useContent } from "../api";
import { FilePane } from "./FilePane";
import { DEFAULT_IMAGE, imageOf, withImage } from "./image";

const useStyles = makeStyles({
  raw: { display: "grid", gridTemplateRows: "auto 1fr", gap: tokens.spacingVerticalM, minHeight: 0, minWidth: 0 },
});

/** The definition as it is, over the whole width, with the base image that it names. */
export function RawYaml(props: React.ComponentProps<typeof FilePane>) {
  const styles = useStyles();
  const { copy, file } = props;
  const content = useContent(copy.flow, file.path).data;
  const text = copy.drafts[file.path]?.text ?? content?.text ?? "";
  const refused = useRefusal("flows/write", `/flows/${copy.flow}`) !== null;
  const image = imageOf(text);
  const change = (value: string) => {
    const next = withImage(text, value.trim());
    if (next !== null && content) copy.write(file.path, next, content);
  };
  return (
    <div className={styles.raw}>
      <Field
        label="Base image"
        hint={`environment.image in ${file.path}. Empty for the default, ${DEFAULT_IMAGE}. For a prompt flow runtime image Flowstead's own runtime is used; nothing is pulled.`}
        validationMessage={image === null ? "The YAML cannot be read; mend it to set the image here." : ""}
      >
        <Input
          value={image ?? ""}
          placeholder={DEFAULT_IMAGE}
          disabled={image === null || !content || refused}
          onChange={(_, { value }) => change(value)}
        />
      </Field>
      <FilePane {...props} />
    </div>
  );
}
