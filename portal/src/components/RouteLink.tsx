import { Button, type ButtonProps, Link, type LinkProps } from "@fluentui/react-components";
import { useRouter } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";

/** onFollow: told when it is followed in this tab. */
type To = { to: string; search?: Record<string, string>; onFollow?: () => void };

/** A link to a page of the portal. Names in `to` are encoded by `path`. */
export function RouteLink({
  to,
  search,
  onFollow,
  children,
  ...rest
}: To & Omit<LinkProps, "href"> & { children: ReactNode }) {
  const { href, onClick } = useWay({ to, ...(search && { search }), ...(onFollow && { onFollow }) });
  return (
    <Link {...(rest as object)} href={href} onClick={onClick}>
      {children}
    </Link>
  );
}

/** A button that leads to a page of the portal. */
export function RouteButton({ to, search, onFollow, ...rest }: To & ButtonProps) {
  const { href, onClick } = useWay({ to, ...(search && { search }), ...(onFollow && { onFollow }) });
  return <Button {...(rest as object)} as="a" href={href} onClick={onClick} />;
}

/** `path("/flows", name)`: names as parts of a path. */
export function path(...parts: string[]): string {
  return parts.map((part) => (part.startsWith("/") ? part : `/${encodeURIComponent(part)}`)).join("");
}

function useWay({ to, search, onFollow }: To) {
  const router = useRouter();
  const query = search ? `?${new URLSearchParams(search)}` : "";
  const onClick = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (event.currentTarget.getAttribute("target") === "_blank") return;
    event.preventDefault();
    onFollow?.();
    router.history.push(`/portal${to}${query}`);
  };
  return { href: `/portal${to}${query}`, onClick };
}
