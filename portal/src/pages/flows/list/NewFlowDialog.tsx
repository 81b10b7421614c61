import {
  Button,
  Dialog,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Tab,
  TabList,
  tokens,
} from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { useFocusBack } from "../../../components/useFocusBack";
import type { Flow } from "../api";
import { FromDirectory } from "./FromDirectory";
import { FromTemplate } from "./FromTemplate";
import { FromUpload } from "./FromUpload";

export type WayProps = { flows: readonly Flow[]; onClose: () => void };

/** The ways to a new flow, in their order. */
const WAYS: readonly { id: string; label: string; view: (props: WayProps) => React.ReactNode }[] = [
  { id: "template", label: "Template", view: FromTemplate },
  { id: "upload", label: "Upload", view: FromUpload },
  { id: "directory", label: "Server's directory", view: FromDirectory },
];

const useStyles = makeStyles({ content: { display: "grid", gap: tokens.spacingVerticalL } });

/** Mounted while open. */
export function NewFlowDialog({ flows, onClose }: WayProps) {
  const styles = useStyles();
  useFocusBack();
  const [chosen, setChosen] = useState("template");
  const View = (WAYS.find((way) => way.id === chosen) ?? WAYS[0])?.view ?? FromTemplate;
  return (
    <Dialog open onOpenChange={(_, { open }) => !open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle
            action={<Button appearance="subtle" aria-label="Close" icon={<DismissRegular />} onClick={onClose} />}
          >
            Create a flow
          </DialogTitle>
          <DialogContent className={styles.content}>
            <TabList selectedValue={chosen} onTabSelect={(_, { value }) => setChosen(String(value))}>
              {WAYS.map((way) => (
                <Tab key={way.id} value={way.id}>
                  {way.label}
                </Tab>
              ))}
            </TabList>
            <View flows={flows} onClose={onClose} />
          </DialogContent>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
