import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { FormDialog } from "../../../components/FormDialog";
import { path } from "../../../components/RouteLink";
import { duplicate, type Flow, useFlows } from "../api";
import { NameField, nameProblem } from "./NameField";

export function DuplicateDialog({ flow, onClose }: { flow: Flow; onClose: () => void }) {
  const navigate = useNavigate();
  const flows = useFlows().data ?? [];
  const [name, setName] = useState(`${flow.name}-copy`);
  return (
    <FormDialog
      title={`Duplicate ${flow.name}`}
      action="Duplicate"
      ready={nameProblem(name, flows) === ""}
      onSubmit={async () => {
        await duplicate(flow, name);
        void navigate({ to: path("/flows", name) });
      }}
      onClose={onClose}
    >
      <NameField name={name} onChange={setName} problem={nameProblem(name, flows)} />
    </FormDialog>
  );
}
