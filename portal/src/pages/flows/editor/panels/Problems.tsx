import { Button, makeStyles, Text, tokens } from "@fluentui/react-components";
import { ErrorCircleRegular, WarningRegular } from "@fluentui/react-icons";
import { Loaded } from "../../../../components/states";
import { type Problem, useExamined } from "../../api";

const useStyles = makeStyles({
  list: { listStyleType: "none", margin: 0, padding: 0 },
  problem: {
    justifyContent: "start",
    textAlign: "start",
    maxWidth: "none",
    width: "100%",
    fontWeight: tokens.fontWeightRegular,
  },
  words: { overflowWrap: "anywhere" },
  place: { color: tokens.colorNeutralForeground2, fontFamily: tokens.fontFamilyMonospace },
  error: { color: tokens.colorPaletteRedForeground1 },
  warning: { color: tokens.colorPaletteMarigoldForeground1 },
  none: { padding: tokens.spacingVerticalM },
});

type Props = { flow: string; go: (file: string, line: number) => void };

/** What is wrong with the files as they are saved; each leads to its line. */
export function Problems({ flow, go }: Props) {
  const styles = useStyles();
  return (
    <Loaded query={useExamined(flow)}>
      {({ problems, valid }) => (
        <>
          {problems.length === 0 && (
            <Text block className={styles.none}>
              Nothing is wrong with the files as they are saved.
            </Text>
          )}
          {!valid && (
            <Text block className={styles.none}>
              The flow cannot run until these errors are mended.
            </Text>
          )}
          {problems.length > 0 && (
            <ul className={styles.list} aria-label="Problems">
              {problems.map((problem) => (
                <li key={keyOf(problem)}>
                  <Button
                    className={styles.problem}
                    appearance="subtle"
                    icon={
                      problem.severity === "error" ? (
                        <ErrorCircleRegular className={styles.error} aria-label="Error" />
                      ) : (
                        <WarningRegular className={styles.warning} aria-label="Warning" />
                      )
                    }
                    onClick={() => problem.file && go(problem.file, problem.line)}
                  >
                    <span className={styles.words}>
                      {problem.message}{" "}
                      <Text size={200} className={styles.place}>
                        {placeOf(problem)}
                      </Text>
                    </span>
                  </Button>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </Loaded>
  );
}

function placeOf({ file, line, column }: Problem): string {
  return [file, line || "", line ? column || "" : ""].filter(Boolean).join(":");
}

function keyOf({ file, line, column, code, message }: Problem): string {
  return [file, line, column, code, message].join(" ");
}
