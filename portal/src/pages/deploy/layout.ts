/** How the wizard's pages lie. */

import { makeStyles, tokens } from "@fluentui/react-components";

export const NARROW = "@media (max-width: 800px)";

export const useFormStyles = makeStyles({
  fields: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingVerticalXL,
    maxWidth: "44rem",
    minWidth: 0,
  },
  group: {
    display: "grid",
    gridTemplateColumns: "minmax(0, 1fr)",
    gap: tokens.spacingVerticalS,
    minWidth: 0,
    overflowWrap: "anywhere",
  },
  heading: { margin: 0, outline: "none" },
  listbox: { maxHeight: "20rem" },
  input: { maxWidth: "24rem", minWidth: 0, width: "100%" },
  short: { maxWidth: "10rem", minWidth: 0 },
  quiet: { color: tokens.colorNeutralForeground2 },
  line: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  option: { display: "grid" },
  code: {
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    overflowWrap: "anywhere",
    whiteSpace: "pre-wrap",
    padding: tokens.spacingHorizontalS,
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground3,
    margin: 0,
  },
  command: { display: "grid", gridTemplateColumns: "minmax(0, 1fr) auto", gap: tokens.spacingHorizontalXS },
});
