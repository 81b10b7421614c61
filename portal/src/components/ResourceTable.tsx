import {
  Input,
  makeStyles,
  mergeClasses,
  Select,
  Table,
  TableBody,
  TableCell,
  TableHeader,
  TableHeaderCell,
  TableRow,
  Text,
  tokens,
} from "@fluentui/react-components";
import { SearchRegular } from "@fluentui/react-icons";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useDeferredValue, useMemo, useRef, useState } from "react";

export type Column<Row> = {
  /** Its heading; also its key. */
  label: string;
  /** What a cell shows. */
  cell: (row: Row) => ReactNode;
  /** What the column is sorted by; without it, it is not. */
  sort?: (row: Row) => string | number;
  /** Left out where the screen is narrow. */
  wide?: boolean;
  /** What can be done with the row. Where the screen is narrow, it stands beside the first column, which is the row's
   * title there; the others come below it, each with its heading. */
  action?: boolean;
  /** CSS width of the column. */
  width?: string;
};

type Props<Row> = {
  /** What the rows are, as in "Endpoints": the table's name for screen readers. */
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string;
  /** What the filter box searches; without it there is none. */
  textOf?: (row: Row) => string;
  /** What is said when the filter finds nothing. */
  unmatched?: string;
  /** Beside the filter box. */
  tools?: ReactNode;
};

const NARROW = "@media (max-width: 640px)";
const ROW_PX = 44;
const VIRTUAL_FROM = 60;
const DOWN = " ↓";

const useStyles = makeStyles({
  table: { display: "grid", gap: tokens.spacingVerticalS, minWidth: 0 },
  tools: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  toolsOfNarrow: { display: "none", [NARROW]: { display: "flex" } },
  filter: { width: "min(20rem, 100%)", [NARROW]: { minWidth: 0, flexGrow: 1, flexBasis: "9rem", width: "auto" } },
  sorting: { display: "none", [NARROW]: { display: "inline-flex", width: "9rem" } },
  scroll: { overflow: "auto", maxHeight: "calc(100vh - 15rem)", minWidth: 0 },
  // A page that scrolls by itself is enough there, unless rows are drawn only where they are seen.
  free: { [NARROW]: { maxHeight: "none" } },
  stacked: { [NARROW]: { display: "block" } },
  head: {
    position: "sticky",
    top: 0,
    zIndex: 1,
    backgroundColor: tokens.colorNeutralBackground1,
    [NARROW]: { display: "none" },
  },
  row: {
    [NARROW]: {
      display: "grid",
      gridTemplateColumns: "minmax(0, 1fr) auto",
      rowGap: tokens.spacingVerticalXXS,
      padding: `${tokens.spacingVerticalS} 0`,
    },
  },
  cell: {
    [NARROW]: {
      gridColumn: "1 / -1",
      display: "grid",
      gridTemplateColumns: "7rem minmax(0, 1fr)",
      alignItems: "baseline",
      height: "auto",
      "::before": { content: "attr(data-label)", color: tokens.colorNeutralForeground2 },
    },
  },
  title: {
    [NARROW]: {
      gridColumn: "1",
      gridTemplateColumns: "minmax(0, 1fr)",
      fontWeight: tokens.fontWeightSemibold,
      alignSelf: "center",
      "::before": { display: "none" },
    },
  },
  action: {
    [NARROW]: {
      gridColumn: "2",
      gridRow: "1",
      gridTemplateColumns: "auto",
      "::before": { display: "none" },
    },
  },
  content: { overflow: "hidden", textOverflow: "ellipsis", minWidth: 0, [NARROW]: { overflowWrap: "anywhere" } },
  // The ring around what is focused in it is not cut off.
  whole: { overflow: "visible" },
  wide: { [NARROW]: { display: "none" } },
  none: { padding: tokens.spacingVerticalL, color: tokens.colorNeutralForeground2 },
});

/** Rows of a kind: filtered, sorted; many of them are drawn only where they are seen. */
export function ResourceTable<Row>({ label, rows, columns, keyOf, textOf, unmatched, tools }: Props<Row>) {
  const styles = useStyles();
  const [filter, setFilter] = useState("");
  const sought = useDeferredValue(filter).trim().toLowerCase();
  const [sorting, setSorting] = useState<{ label: string; down: boolean } | null>(null);
  const shown = useMemo(() => {
    const found = sought && textOf ? rows.filter((row) => textOf(row).toLowerCase().includes(sought)) : [...rows];
    const by = columns.find((column) => column.label === sorting?.label)?.sort;
    if (!by || !sorting) return found;
    const sign = sorting.down ? -1 : 1;
    return found.sort((a, b) => sign * compare(by(a), by(b)));
  }, [rows, sought, textOf, columns, sorting]);

  const scroll = useRef<HTMLDivElement>(null);
  const virtual = shown.length >= VIRTUAL_FROM;
  const virtualizer = useVirtualizer({
    count: virtual ? shown.length : 0,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: 10,
  });
  const items = virtualizer.getVirtualItems();
  const around = mergeClasses(styles.scroll, !virtual && styles.free);
  const visible = virtual
    ? items.map((item) => [shown[item.index] as Row, item.index] as const)
    : shown.map((row, index) => [row, index] as const);
  const above = virtual ? (items[0]?.start ?? 0) : 0;
  const below = virtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;

  const turn = (column: Column<Row>) =>
    setSorting((now) => ({ label: column.label, down: now?.label === column.label ? !now.down : false }));
  const sortable = rows.length > 1 ? columns.filter((column) => column.sort && !column.wide) : [];

  return (
    <div className={styles.table}>
      {(textOf || tools || sortable.length > 0) && (
        <div className={mergeClasses(styles.tools, !textOf && !tools && styles.toolsOfNarrow)}>
          {textOf && (
            <Input
              className={styles.filter}
              aria-label={`Filter ${label.toLowerCase()}`}
              placeholder="Filter"
              contentBefore={<SearchRegular />}
              value={filter}
              onChange={(_, { value }) => setFilter(value)}
            />
          )}
          {sortable.length > 0 && (
            <Select
              className={styles.sorting}
              aria-label={`Sort ${label.toLowerCase()}`}
              value={sorting ? `${sorting.label}${sorting.down ? DOWN : ""}` : ""}
              onChange={(_, { value }) =>
                setSorting(value ? { label: value.replace(DOWN, ""), down: value.endsWith(DOWN) } : null)
              }
            >
              <option value="">Sort by</option>
              {sortable.flatMap((column) => [
                <option key={column.label} value={column.label}>
                  {column.label}, ascending
                </option>,
                <option key={`${column.label}${DOWN}`} value={`${column.label}${DOWN}`}>
                  {column.label}, descending
                </option>,
              ])}
            </Select>
          )}
          {tools}
        </div>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: no fieldset, for there is nothing to fill in */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard */}
      <div role="group" ref={scroll} className={around} tabIndex={0} aria-label={label}>
        <Table aria-label={label} aria-rowcount={shown.length + 1} size="small" className={styles.stacked}>
          <TableHeader className={styles.head}>
            <TableRow aria-rowindex={1}>
              {columns.map((column) => (
                <TableHeaderCell
                  key={column.label}
                  className={mergeClasses(column.wide && styles.wide)}
                  style={column.width ? { width: column.width } : {}}
                  {...(column.sort && {
                    sortable: true,
                    onClick: () => turn(column),
                    sortDirection:
                      sorting?.label === column.label ? (sorting.down ? "descending" : "ascending") : undefined,
                  })}
                >
                  {column.label}
                </TableHeaderCell>
              ))}
            </TableRow>
          </TableHeader>
          <TableBody className={styles.stacked}>
            {above > 0 && <tr style={{ height: above }} aria-hidden />}
            {visible.map(([row, index]) => (
              <TableRow
                key={keyOf(row)}
                aria-rowindex={index + 2}
                className={styles.row}
                // Also of a row that is measured no more: it is looked at once again.
                data-index={index}
                {...(virtual && { ref: virtualizer.measureElement })}
              >
                {columns.map((column, place) => (
                  <TableCell
                    key={column.label}
                    data-label={column.label}
                    className={mergeClasses(
                      styles.cell,
                      place === 0 && styles.title,
                      column.action && styles.action,
                      column.wide && styles.wide,
                    )}
                  >
                    <div className={mergeClasses(styles.content, column.action && styles.whole)}>
                      {column.cell(row)}
                    </div>
                  </TableCell>
                ))}
              </TableRow>
            ))}
            {below > 0 && <tr style={{ height: below }} aria-hidden />}
          </TableBody>
        </Table>
        {shown.length === 0 && (
          <Text block className={styles.none}>
            {rows.length === 0 ? "There is nothing yet." : (unmatched ?? `Nothing matches “${filter}”.`)}
          </Text>
        )}
      </div>
    </div>
  );
}

function compare(a: string | number, b: string | number): number {
  return typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
}
