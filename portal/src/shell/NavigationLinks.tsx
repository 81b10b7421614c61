import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { Link, useRouterState } from "@tanstack/react-router";
import { entryOf, NAVIGATION } from "./navigation";

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "grid", gap: tokens.spacingVerticalXXS },
  link: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalM,
    padding: `${tokens.spacingVerticalSNudge} ${tokens.spacingHorizontalM}`,
    borderRadius: tokens.borderRadiusMedium,
    borderLeft: `3px solid transparent`,
    color: tokens.colorNeutralForeground2,
    textDecoration: "none",
    fontSize: tokens.fontSizeBase300,
    fontFamily: tokens.fontFamilyBase,
    ":hover": { backgroundColor: tokens.colorSubtleBackgroundHover, color: tokens.colorNeutralForeground1 },
    "& svg": { fontSize: "20px", flexShrink: 0 },
  },
  here: {
    color: tokens.colorNeutralForeground1,
    fontWeight: tokens.fontWeightSemibold,
    backgroundColor: tokens.colorSubtleBackgroundSelected,
    borderLeftColor: tokens.colorBrandStroke1,
  },
});

export function NavigationLinks() {
  const styles = useStyles();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const here = entryOf(path);
  return (
    <ul className={styles.list}>
      {NAVIGATION.map((entry) => (
        <li key={entry.path}>
          <Link
            to={entry.path}
            className={mergeClasses(styles.link, entry === here && styles.here)}
            {...(entry === here && { "aria-current": "page" as const })}
          >
            <entry.icon />
            {entry.label}
          </Link>
        </li>
      ))}
    </ul>
  );
}
