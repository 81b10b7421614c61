import { makeStyles, Text, Title2, tokens } from "@fluentui/react-components";
import { type ReactNode, useEffect } from "react";

const useStyles = makeStyles({
  page: { display: "grid", gap: tokens.spacingVerticalL, alignContent: "start", minWidth: 0 },
  head: {
    display: "flex",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalM,
    alignItems: "center",
    justifyContent: "space-between",
  },
  title: { display: "grid", gap: tokens.spacingVerticalXXS, minWidth: 0 },
  name: { margin: 0, overflowWrap: "anywhere" },
  lead: { color: tokens.colorNeutralForeground2 },
  actions: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
});

type Props = { title: string; lead?: ReactNode; actions?: ReactNode; children: ReactNode };

/** The frame of every page: its title, also the browser's, what can be done, its content. */
export function Page({ title, lead, actions, children }: Props) {
  const styles = useStyles();
  useEffect(() => {
    document.title = `${title} · Flowstead`;
  }, [title]);
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <div className={styles.title}>
          <Title2 as="h1" className={styles.name}>
            {title}
          </Title2>
          {lead && <Text className={styles.lead}>{lead}</Text>}
        </div>
        {actions && <div className={styles.actions}>{actions}</div>}
      </div>
      {children}
    </div>
  );
}
