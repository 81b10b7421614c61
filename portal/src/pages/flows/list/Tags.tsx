import { makeStyles, Tag, tokens } from "@fluentui/react-components";
import type { Pairs } from "../../../components/TagsEditor";

const useStyles = makeStyles({
  tags: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalXS, paddingBlock: tokens.spacingVerticalXXS },
});

export function Tags({ tags }: { tags: Pairs }) {
  const styles = useStyles();
  const shown = Object.entries(tags);
  if (shown.length === 0) return <>–</>;
  return (
    <div className={styles.tags}>
      {shown.map(([name, value]) => (
        <Tag key={name} size="extra-small">
          {value ? `${name}: ${value}` : name}
        </Tag>
      ))}
    </div>
  );
}
