/** The file that is shown, which the address names too, and the line in it. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import type { FlowFile } from "../api";
import type { Place } from "./FilePane";

export function useOpenFile(files: readonly FlowFile[], definition: string) {
  const search = useSearch({ strict: false }) as { file?: string };
  const navigate = useNavigate();
  const [place, setPlace] = useState<Place>();
  const named = files.find(({ path }) => path === search.file)?.path;
  const file = named ?? (definition || files[0]?.path || "");
  const open = useCallback(
    (path: string, line = 0) => {
      setPlace(line > 0 ? { line } : undefined);
      void navigate({ to: ".", search: { file: path } as never, replace: true });
    },
    [navigate],
  );
  return { file, place, open };
}
