import { makeStyles, mergeClasses, Text, tokens } from "@fluentui/react-components";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { type LogLine, logsOf } from "./lines";

const LINE_PX = 20;
/** How near to the end is the end. */
const NEAR_PX = 2 * LINE_PX;

const useStyles = makeStyles({
  view: {
    height: "max(20rem, calc(100vh - 24rem))",
    overflow: "auto",
    minWidth: 0,
    padding: tokens.spacingHorizontalS,
    borderRadius: tokens.borderRadiusMedium,
    border: `1px solid ${tokens.colorNeutralStroke1}`,
    backgroundColor: tokens.colorNeutralBackground1,
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    lineHeight: `${LINE_PX}px`,
  },
  lines: { position: "relative" },
  unbroken: { minWidth: "max-content" },
  line: { position: "absolute", insetInlineStart: 0, top: 0, height: `${LINE_PX}px`, whiteSpace: "pre", tabSize: 4 },
  wrapped: { height: "auto", width: "100%", whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  log: { color: tokens.colorNeutralForeground3, marginInlineEnd: tokens.spacingHorizontalM },
});

type Props = {
  label: string;
  lines: readonly LogLine[];
  empty: string;
  /** The end is kept in sight. */
  following: boolean;
  /** Long lines go on below their beginning, instead of beyond the edge. */
  wrapped: boolean;
  onScrolledAway: () => void;
};

/** Only the lines that are in sight are drawn. */
export function LogView({ label, lines, empty, following, wrapped, onScrolledAway }: Props) {
  const styles = useStyles();
  const view = useRef<HTMLElement>(null);
  const before = useRef(0);
  const named = useMemo(() => logsOf(lines).size > 1, [lines]);
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => view.current,
    estimateSize: () => LINE_PX,
    getItemKey: (index) => lines[index]?.id ?? index,
    overscan: 20,
  });
  const height = virtualizer.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines that were wrapped have other heights
  useEffect(() => virtualizer.measure(), [wrapped]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there are other lines
  useEffect(() => {
    if (following && view.current) view.current.scrollTop = view.current.scrollHeight;
  }, [following, lines, height]);
  // The view moves itself downwards only: upwards it is the reader.
  const scrolled = ({ currentTarget: now }: React.UIEvent<HTMLElement>) => {
    const isUp = now.scrollTop < before.current;
    before.current = now.scrollTop;
    if (following && isUp && now.scrollHeight - now.scrollTop - now.clientHeight > NEAR_PX) onScrolledAway();
  };
  return (
    <section
      ref={view}
      className={styles.view}
      onScroll={scrolled}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keyboard
      tabIndex={0}
    >
      {lines.length === 0 && <Text>{empty}</Text>}
      <div className={mergeClasses(styles.lines, !wrapped && styles.unbroken)} style={{ height }}>
        {virtualizer.getVirtualItems().map((item) => {
          const line = lines[item.index];
          return (
            line && (
              <div
                key={item.key}
                data-index={item.index}
                className={mergeClasses(styles.line, wrapped && styles.wrapped)}
                style={{ transform: `translateY(${item.start}px)` }}
                {...(wrapped && { ref: virtualizer.measureElement })}
              >
                {named && <span className={styles.log}>{line.log}</span>}
                {line.text}
              </div>
            )
          );
        })}
      </div>
    </section>
  );
}
