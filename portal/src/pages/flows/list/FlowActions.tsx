import {
  Button,
  Menu,
  MenuDivider,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Text,
} from "@fluentui/react-components";
import {
  ArrowDownloadRegular,
  CopyRegular,
  DeleteRegular,
  MoreHorizontalRegular,
  OpenRegular,
  RocketRegular,
  TagRegular,
} from "@fluentui/react-icons";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { DEPLOY } from "../../../api/permissions";
import { Allowed } from "../../../components/Allowed";
import { DeleteDialog } from "../../../components/DeleteDialog";
import { path } from "../../../components/RouteLink";
import { useToasts } from "../../../components/toasts";
import { deleteFlow, download, exportArchive, type Flow } from "../api";
import { DescribeDialog } from "./DescribeDialog";
import { DuplicateDialog } from "./DuplicateDialog";

/** What can be done with a flow, behind one button. */
export function FlowActions({ flow }: { flow: Flow }) {
  const [open, setOpen] = useState<"describe" | "duplicate" | "delete" | null>(null);
  const navigate = useNavigate();
  const toasts = useToasts();
  const close = () => setOpen(null);
  const save = async () => {
    try {
      download(await exportArchive(flow.name), `${flow.name}.zip`);
    } catch (failure) {
      toasts.failed(`${flow.name} was not exported.`, failure);
    }
  };
  return (
    <>
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button appearance="subtle" icon={<MoreHorizontalRegular />} aria-label={`Actions on ${flow.name}`} />
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            <MenuItem icon={<OpenRegular />} onClick={() => void navigate({ to: path("/flows", flow.name) })}>
              Open
            </MenuItem>
            <Allowed to={DEPLOY} anywhere>
              <MenuItem
                icon={<RocketRegular />}
                onClick={() => void navigate({ to: path("/flows", flow.name, "deploy") })}
              >
                Deploy
              </MenuItem>
            </Allowed>
            <Allowed to="flows/write">
              <MenuItem icon={<CopyRegular />} onClick={() => setOpen("duplicate")}>
                Duplicate
              </MenuItem>
            </Allowed>
            <MenuItem icon={<ArrowDownloadRegular />} onClick={() => void save()}>
              Export
            </MenuItem>
            <Allowed to="flows/write" on={`/flows/${flow.name}`}>
              <MenuItem icon={<TagRegular />} onClick={() => setOpen("describe")}>
                Description and tags
              </MenuItem>
            </Allowed>
            <MenuDivider />
            <Allowed to="flows/delete" on={`/flows/${flow.name}`}>
              <MenuItem icon={<DeleteRegular />} onClick={() => setOpen("delete")}>
                Delete
              </MenuItem>
            </Allowed>
          </MenuList>
        </MenuPopover>
      </Menu>
      {open === "describe" && <DescribeDialog flow={flow} onClose={close} />}
      {open === "duplicate" && <DuplicateDialog flow={flow} onClose={close} />}
      {open === "delete" && (
        <DeleteDialog
          what="the flow"
          name={flow.name}
          resource={`/flows/${flow.name}`}
          onDelete={() => deleteFlow(flow.name)}
          onClose={close}
        >
          <Text block>Its files and all versions of it go. Deployments that were made of it stay.</Text>
        </DeleteDialog>
      )}
    </>
  );
}
