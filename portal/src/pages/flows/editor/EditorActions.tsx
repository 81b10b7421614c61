import { Button, Switch, ToggleButton, Tooltip } from "@fluentui/react-components";
import { ChatRegular, CheckmarkRegular, PlayRegular, RocketRegular, SaveRegular } from "@fluentui/react-icons";
import { DEPLOY } from "../../../api/permissions";
import { Allowed } from "../../../components/Allowed";
import { path, RouteButton } from "../../../components/RouteLink";
import type { Flow } from "../api";
import type { WorkingCopy } from "./useWorkingCopy";

type Props = {
  flow: Flow;
  copy: WorkingCopy;
  isChat: boolean;
  raw: boolean;
  /** Without it there is no definition to show. */
  setRaw: ((raw: boolean) => void) | undefined;
  save: () => void;
  validate: () => void;
  /** Whether the place to try it out is shown. */
  testing: boolean;
  test: () => void;
};

export function EditorActions({ flow, copy, isChat, raw, setRaw, save, validate, testing, test }: Props) {
  return (
    <>
      {setRaw && <Switch label="Raw YAML" checked={raw} onChange={(_, { checked }) => setRaw(checked)} />}
      <Tooltip content="Save, and look for mistakes" relationship="description">
        <Button icon={<CheckmarkRegular />} onClick={validate}>
          Validate
        </Button>
      </Tooltip>
      <Allowed to="flows/write" on={`/flows/${flow.name}`}>
        <Button icon={<SaveRegular />} title="Ctrl-S" disabled={!copy.isDirty || copy.saving} onClick={save}>
          Save
        </Button>
      </Allowed>
      <ToggleButton checked={testing} icon={isChat ? <ChatRegular /> : <PlayRegular />} onClick={test}>
        {isChat ? "Chat" : "Test"}
      </ToggleButton>
      <Allowed to={DEPLOY} anywhere>
        <RouteButton to={path("/flows", flow.name, "deploy")} appearance="primary" icon={<RocketRegular />}>
          Deploy
        </RouteButton>
      </Allowed>
    </>
  );
}
