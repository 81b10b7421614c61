import { Breadcrumb, BreadcrumbButton, BreadcrumbDivider, BreadcrumbItem } from "@fluentui/react-components";
import { useRouter, useRouterState } from "@tanstack/react-router";
import { Fragment } from "react";
import { entryOf } from "./navigation";

/** Words in paths that are no page of their own. */
const NO_PAGE = new Set(["deployments"]);
const TITLES: Record<string, string> = { new: "New", deploy: "Deploy", roles: "Roles", add: "Add role assignment" };

/** From the navigation's entry to what lies above this page; the page's own name is its heading. */
export function Breadcrumbs() {
  const router = useRouter();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const crumbs = crumbsOf(path);
  if (crumbs.length < 2) return null;
  return (
    <Breadcrumb aria-label="Breadcrumb" size="small">
      {crumbs.map(({ label, to }, index) => (
        <Fragment key={to}>
          <BreadcrumbItem>
            <BreadcrumbButton
              as="a"
              href={router.buildLocation({ to }).publicHref}
              current={index === crumbs.length - 1}
              onClick={(event: React.MouseEvent) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                event.preventDefault();
                void router.navigate({ to });
              }}
            >
              {label}
            </BreadcrumbButton>
          </BreadcrumbItem>
          {index < crumbs.length - 1 && <BreadcrumbDivider />}
        </Fragment>
      ))}
    </Breadcrumb>
  );
}

export function crumbsOf(path: string): { label: string; to: string }[] {
  const entry = entryOf(path);
  if (!entry || entry.path === "/") return [];
  const words = path.slice(entry.path.length).split("/").filter(Boolean);
  const crumbs = [{ label: entry.label, to: entry.path }];
  let to = entry.path;
  for (const word of words) {
    to += `/${word}`;
    const name = decodeURIComponent(word);
    if (!NO_PAGE.has(name)) crumbs.push({ label: TITLES[name] ?? name, to });
  }
  return crumbs;
}
