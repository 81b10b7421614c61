import {
  Button,
  DrawerBody,
  DrawerHeader,
  DrawerHeaderTitle,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  MessageBar,
  MessageBarBody,
  makeStyles,
  OverlayDrawer,
  Text,
  Toaster,
  Tooltip,
  tokens,
} from "@fluentui/react-components";
import {
  DismissRegular,
  NavigationRegular,
  PersonRegular,
  WeatherMoonRegular,
  WeatherSunnyRegular,
} from "@fluentui/react-icons";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { followChanges } from "../api/changes";
import { useRefusal } from "../api/may";
import { signOut, useSession } from "../api/session";
import { TOASTER, useToasts } from "../components/toasts";
import { FocusBack } from "../components/useFocusBack";
import { Breadcrumbs } from "./Breadcrumbs";
import { NavigationLinks } from "./NavigationLinks";
import { NotificationCentre } from "./NotificationCentre";
import { chooseScheme, useScheme } from "./theme";

const NARROW = "@media (max-width: 800px)";
/** So high is what sticks to the bottom of some pages, such as the buttons of the deploy wizard. */
const FOOT_PX = 72;
/** Below the navigation, where there is nothing to select; above what sticks to the bottom. */
const TOASTS = { horizontal: 12, vertical: FOOT_PX };

const useStyles = makeStyles({
  shell: {
    height: "100%",
    display: "grid",
    gridTemplateRows: "auto 1fr",
    gridTemplateColumns: "auto minmax(0, 1fr)",
    [NARROW]: { gridTemplateColumns: "minmax(0, 1fr)" },
    backgroundColor: tokens.colorNeutralBackground2,
  },
  skip: {
    position: "absolute",
    left: "-999rem",
    ":focus": { left: tokens.spacingHorizontalM, top: tokens.spacingVerticalS, zIndex: 10 },
  },
  top: {
    gridColumn: "1 / -1",
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalS,
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM}`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  brand: { display: "flex", alignItems: "center", gap: tokens.spacingHorizontalS },
  space: { flexGrow: 1 },
  hamburger: { display: "none", [NARROW]: { display: "inline-flex" } },
  side: {
    width: "15rem",
    overflowY: "auto",
    padding: tokens.spacingHorizontalS,
    borderRight: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
    [NARROW]: { display: "none" },
  },
  // As wide as the navigation.
  toasts: { width: "14.5rem", [NARROW]: { width: "min(20rem, calc(100vw - 1.5rem))" } },
  // What is focused is scrolled to above what sticks to the bottom of some pages.
  main: { overflow: "auto", minWidth: 0, outline: "none", scrollPaddingBottom: `${FOOT_PX}px` },
  content: {
    display: "grid",
    gap: tokens.spacingVerticalM,
    minWidth: 0,
    maxWidth: "90rem",
    padding: `${tokens.spacingVerticalL} ${tokens.spacingHorizontalXXL} ${tokens.spacingVerticalXXXL}`,
    [NARROW]: { padding: `${tokens.spacingVerticalM} ${tokens.spacingHorizontalM}` },
  },
});

/** What surrounds every page. */
export function Shell() {
  const styles = useStyles();
  const [open, setOpen] = useState(false);
  const connected = useFollowing();
  const path = useRouterState({ select: (state) => state.location.pathname });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when the page changes
  useEffect(() => setOpen(false), [path]);
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to content
      </a>
      <header className={styles.top}>
        <Button
          className={styles.hamburger}
          appearance="subtle"
          icon={<NavigationRegular />}
          aria-label="Navigation"
          onClick={() => setOpen(true)}
        />
        <div className={styles.brand}>
          <img src="/portal/icon.svg" alt="" width={24} height={24} />
          <Text weight="semibold" size={400}>
            Flowstead
          </Text>
        </div>
        <div className={styles.space} />
        <SchemeButton />
        <NotificationCentre />
        <PersonMenu />
      </header>
      <nav className={styles.side} aria-label="Main">
        <NavigationLinks />
      </nav>
      <OverlayDrawer open={open} onOpenChange={(_, change) => setOpen(change.open)} position="start" size="small">
        <DrawerHeader>
          <DrawerHeaderTitle
            action={
              <Button
                appearance="subtle"
                icon={<DismissRegular />}
                aria-label="Close navigation"
                onClick={() => setOpen(false)}
              />
            }
          >
            Flowstead
          </DrawerHeaderTitle>
        </DrawerHeader>
        <FocusBack />
        <DrawerBody>
          <nav aria-label="Main">
            <NavigationLinks />
          </nav>
        </DrawerBody>
      </OverlayDrawer>
      <main id="main" className={styles.main} tabIndex={-1}>
        <div className={styles.content}>
          {!connected && (
            <MessageBar intent="warning">
              <MessageBarBody>The server does not answer. This page recovers by itself when it is back.</MessageBarBody>
            </MessageBar>
          )}
          <Breadcrumbs />
          <Outlet />
        </div>
      </main>
      <Toaster className={styles.toasts} toasterId={TOASTER} position="bottom-start" offset={TOASTS} />
    </div>
  );
}

/** Whether the stream of changes stands, which keeps all pages fresh. */
function useFollowing(): boolean {
  const [connected, setConnected] = useState(true);
  const refused = useRefusal("events/read") !== null;
  useEffect(() => {
    if (refused) return;
    const ending = new AbortController();
    void followChanges(ending.signal, setConnected);
    return () => ending.abort();
  }, [refused]);
  return connected;
}

function SchemeButton() {
  const scheme = useScheme();
  const next = scheme === "dark" ? "light" : "dark";
  return (
    <Tooltip content={`Use the ${next} theme`} relationship="label">
      <Button
        appearance="subtle"
        icon={scheme === "dark" ? <WeatherSunnyRegular /> : <WeatherMoonRegular />}
        onClick={() => chooseScheme(next)}
      />
    </Tooltip>
  );
}

function PersonMenu() {
  const session = useSession();
  const toasts = useToasts();
  const name = session.state === "in" ? session.person.name : "";
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Button appearance="subtle" icon={<PersonRegular />} aria-label={`Signed in as ${name}`} />
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem disabled>{name}</MenuItem>
          <MenuItem onClick={() => signOut().catch((failure) => toasts.failed("Not signed out.", failure))}>
            Sign out
          </MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
