/** What a page shows instead of its content: nothing yet, nothing at all, or why not. */

import {
  Button,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
  makeStyles,
  Skeleton,
  SkeletonItem,
  Text,
  tokens,
} from "@fluentui/react-components";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { textOf } from "./toasts";
import { WithCommands } from "./WithCommands";

const useStyles = makeStyles({
  skeleton: { display: "grid", gap: tokens.spacingVerticalM },
  empty: {
    display: "grid",
    justifyItems: "center",
    textAlign: "center",
    gap: tokens.spacingVerticalM,
    padding: `${tokens.spacingVerticalXXXL} ${tokens.spacingHorizontalL}`,
  },
  said: { overflowWrap: "anywhere", whiteSpace: "pre-wrap", minWidth: 0 },
  emptyText: { color: tokens.colorNeutralForeground2, maxWidth: "36rem" },
});

/** The content once the query has data; before that a skeleton, and why when there is none, or none any more. */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined && !isGone(query.error)) return <>{children(query.data)}</>;
  if (query.isError) return <Failure failure={query.error} retry={() => void query.refetch()} />;
  return <Loading />;
}

/** Whether what was shown is not there any more, or no longer for this person. */
export function isGone(failure: unknown): boolean {
  return failure instanceof ApiError && (failure.status === 404 || isRefused(failure));
}

export function isRefused(failure: unknown): boolean {
  return failure instanceof ApiError && failure.status === 403;
}

export function Loading({ lines = 5 }: { lines?: number }) {
  const styles = useStyles();
  const widths = ["40%", "90%", "75%", "85%", "60%"];
  return (
    <Skeleton className={styles.skeleton} aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <SkeletonItem key={index} style={{ width: widths[index % widths.length] }} />
      ))}
    </Skeleton>
  );
}

/** What happened, and the next step. */
export function Failure({ failure, title, retry }: { failure: unknown; title?: string; retry?: () => void }) {
  const styles = useStyles();
  const heading = title ?? headingOf(failure);
  const requestId = failure instanceof ApiError && failure.status >= 500 ? failure.requestId : "";
  return (
    <MessageBar intent={isRefused(failure) ? "warning" : "error"} layout="multiline" role="alert">
      <MessageBarBody className={styles.said}>
        <MessageBarTitle>{heading}</MessageBarTitle>
        <WithCommands newTab text={requestId ? `${textOf(failure)}\nRequest id: ${requestId}` : textOf(failure)} />
      </MessageBarBody>
      {retry && (
        <MessageBarActions>
          <Button onClick={retry}>Try again</Button>
        </MessageBarActions>
      )}
    </MessageBar>
  );
}

function headingOf(failure: unknown): string {
  if (!(failure instanceof ApiError)) return "This did not work.";
  if (isRefused(failure)) return "Your roles do not allow this.";
  if (failure.status === 404) return "This is not here.";
  return failure.code || "This did not work.";
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  const styles = useStyles();
  return (
    <div className={styles.empty}>
      <Text as="h2" size={500} weight="semibold">
        {title}
      </Text>
      {children && <Text className={styles.emptyText}>{children}</Text>}
      {action}
    </div>
  );
}
