/** The pages of "Add role assignment", in their order. */

import type { ComponentType } from "react";
import type { Draft, StepProps } from "./draft";
import { MembersStep } from "./MembersStep";
import { ReviewStep } from "./ReviewStep";
import { RoleStep } from "./RoleStep";

export type Step = {
  id: string;
  label: string;
  view: ComponentType<StepProps>;
  /** What is still wanted before the next page, "" when nothing is. */
  wants: (draft: Draft) => string;
};

export const STEPS: readonly Step[] = [
  { id: "role", label: "Role", view: RoleStep, wants: ({ role }) => (role ? "" : "Select a role.") },
  {
    id: "members",
    label: "Members",
    view: MembersStep,
    wants: ({ members }) => (members.length > 0 ? "" : "Select at least one member."),
  },
  { id: "review", label: "Review + assign", view: ReviewStep, wants: () => "" },
];
