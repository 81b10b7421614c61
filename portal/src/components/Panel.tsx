import { Card, makeStyles, Text, tokens } from "@fluentui/react-components";
import { type ReactNode, useId } from "react";

const useStyles = makeStyles({
  panel: { display: "grid", gap: tokens.spacingVerticalM, alignContent: "start", minWidth: 0 },
  title: { margin: 0 },
  head: { display: "flex", flexWrap: "wrap", justifyContent: "space-between", gap: tokens.spacingHorizontalM },
});

/** A part of the page under its name. more: where it is whole. */
export function Panel({ title, more, children }: { title: string; more?: ReactNode; children: ReactNode }) {
  const styles = useStyles();
  const id = useId();
  return (
    <Card className={styles.panel} role="region" aria-labelledby={id}>
      <div className={styles.head}>
        <Text as="h2" id={id} className={styles.title} size={400} weight="semibold">
          {title}
        </Text>
        {more}
      </div>
      {children}
    </Card>
  );
}
