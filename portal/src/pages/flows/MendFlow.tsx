import { makeStyles, Text, tokens } from "@fluentui/react-components";
import { path, RouteLink } from "../../components/RouteLink";
import { useFiles, useFlows } from "./api";
import { type Fault, fileNamed, isByItsFiles } from "./mending";

type Props = {
  /** Its name; of a flow that is not here, nothing is said. */
  flow: string;
  fault: Fault | undefined;
  /** What to do once it is mended. */
  next: string;
  /** Of a page that has something which leaving it would lose. */
  newTab?: boolean;
};

const useStyles = makeStyles({ place: { display: "grid", gap: tokens.spacingVerticalXS, overflowWrap: "anywhere" } });

/** Of a deployment that failed by what the flow's files hold: where to mend them. */
export function MendFlow({ flow, fault, ...rest }: Props) {
  const here = useFlows().data?.find(({ name }) => name.toLowerCase() === flow.toLowerCase());
  if (!here || !isByItsFiles(fault)) return null;
  return <Mend flow={here.name} fault={fault} {...rest} />;
}

function Mend({ flow, fault, next, newTab = false }: Props & { fault: Fault }) {
  const styles = useStyles();
  const files = useFiles(flow).data ?? [];
  const file = fileNamed(
    fault.message,
    files.map((each) => each.path),
  );
  return (
    <div className={styles.place}>
      <Text>{next}</Text>
      <RouteLink to={path("/flows", flow)} {...(file && { search: { file } })} {...(newTab && { target: "_blank" })}>
        {file ? `Open ${file} of the flow ${flow}` : `Open the flow ${flow}`}
      </RouteLink>
    </div>
  );
}
