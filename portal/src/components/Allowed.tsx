import { makeStyles, Tooltip, tokens } from "@fluentui/react-components";
import { cloneElement, Fragment, type ReactElement } from "react";
import { type Refusal, useRefusal } from "../api/may";
import type { Action } from "../api/permissions";

type Control = { disabled?: boolean; disabledFocusable?: boolean; type?: string };
/** to: all that it takes. on, anywhere: as of `useRefusal`. */
type Props = {
  to: Action | readonly Action[];
  on?: string | undefined;
  anywhere?: boolean;
  children: ReactElement<Control>;
};

const useStyles = makeStyles({
  // No `display` here: by it a tooltip is hidden.
  tooltip: { maxWidth: "min(26rem, 90vw)", overflowWrap: "anywhere" },
  why: { display: "grid", gap: tokens.spacingVerticalXS },
  command: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase100 },
});

/** A button or an item of a menu, of use to whose roles allow what it does; to others it says what it takes. */
export function Allowed({ to, on, anywhere, children }: Props) {
  const styles = useStyles();
  const refusal = useRefusal(to, on, anywhere);
  if (!refusal) return children;
  return (
    <Tooltip relationship="description" content={{ className: styles.tooltip, children: <Why refusal={refusal} /> }}>
      {cloneElement(children, {
        disabled: true,
        disabledFocusable: true,
        // One that can be reached is still pressed by its form.
        ...(children.props.type === "submit" && { type: "button" }),
      })}
    </Tooltip>
  );
}

function Why({ refusal: { action, role, command } }: { refusal: Refusal }) {
  const styles = useStyles();
  return (
    <span className={styles.why}>
      <span>
        Your roles do not allow{" "}
        {action.split(/(?<=\/)/).map((part) => (
          <Fragment key={part}>
            {part}
            <wbr />
          </Fragment>
        ))}
        . The role {role} does; an owner can grant it:
      </span>
      <span className={styles.command}>{command}</span>
    </span>
  );
}
