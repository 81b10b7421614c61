import {
  Input,
  makeStyles,
  mergeClasses,
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
  /** Beside the filter box. */
  tools?: ReactNode;
};

const ROW_PX = 44;
const VIRTUAL_FROM = 60;

const useStyles = makeStyles({
  table: { display: "grid", gap: tokens.spacingVerticalS, minWidth: 0 },
  tools: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  filter: { width: "min(20rem, 100%)" },
  scroll: { overflow: "auto", maxHeight: "calc(100vh - 15rem)", minWidth: 0 },
  head: { position: "sticky", top: 0, zIndex: 1, backgroundColor: tokens.colorNeutralBackground1 },
  cell: { overflow: "hidden", textOverflow: "ellipsis" },
  wide: { "@media (max-width: 640px)": { display: "none" } },
  none: { padding: tokens.spacingVerticalL, color: tokens.colorNeutralForeground2 },
});

/** Rows of a kind: filtered, sorted; many of them are drawn only where they are seen. */
export function ResourceTable<Row>({ label, rows, columns, keyOf, textOf, tools }: Props<Row>) {
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
  const visible = virtual
    ? items.map((item) => [shown[item.index] as Row, item.index] as const)
    : shown.map((row, index) => [row, index] as const);
  const above = virtual ? (items[0]?.start ?? 0) : 0;
  const below = virtual ? virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;

  const turn = (column: Column<Row>) =>
    setSorting((now) => ({ label: column.label, down: now?.label === column.label ? !now.down : false }));

  return (
    <div className={styles.table}>
      {(textOf || tools) && (
        <div className={styles.tools}>
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
          {tools}
        </div>
      )}
      {/* biome-ignore lint/a11y/useSemanticElements: no fieldset, for there is nothing to fill in */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard */}
      <div role="group" ref={scroll} className={styles.scroll} tabIndex={0} aria-label={label}>
        <Table aria-label={label} aria-rowcount={shown.length + 1} size="small">
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
          <TableBody>
            {above > 0 && <tr style={{ height: above }} aria-hidden />}
            {visible.map(([row, index]) => (
              <TableRow key={keyOf(row)} aria-rowindex={index + 2}>
                {columns.map((column) => (
                  <TableCell key={column.label} className={mergeClasses(styles.cell, column.wide && styles.wide)}>
                    {column.cell(row)}
                  </TableCell>
                ))}
              </TableRow>
            ))}
            {below > 0 && <tr style={{ height: below }} aria-hidden />}
          </TableBody>
        </Table>
        {shown.length === 0 && (
          <Text block className={styles.none}>
            {rows.length === 0 ? "There is nothing yet." : `Nothing matches “${filter}”.`}
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
