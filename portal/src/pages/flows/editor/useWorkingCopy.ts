/** A flow's files as somebody edits them: what is saved, what is written on top, what others do meanwhile. */

import { useCallback, useMemo, useRef, useState } from "react";
import { ApiError } from "../../../api/client";
import { keyOf, queries } from "../../../api/queries";
import { contentOf, deleteFile, type FileContent, type FlowFile, putFile, useFiles } from "../api";
import { type Drafts, overtaken, saved, without, written } from "./drafts";

/** Two texts for one file. theirs: null when the file is gone, or is no text any more. */
export type Conflict = { path: string; mine: string; theirs: string | null; etag: string | null };

export type WorkingCopy = ReturnType<typeof useWorkingCopy>;

export function useWorkingCopy(flow: string) {
  const files = useFiles(flow);
  const [drafts, setDrafts] = useState<Drafts>({});
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [saving, setSaving] = useState(false);
  // What is saved is what stands there when the button is pressed, not when it was drawn.
  const latest = useRef(drafts);
  const change = useCallback((how: (drafts: Drafts) => Drafts) => {
    latest.current = how(latest.current);
    setDrafts(latest.current);
  }, []);

  const write = useCallback(
    (path: string, text: string, shown: FileContent) =>
      change((now) => written(now, path, text, { text: shown.text ?? "", etag: shown.etag })),
    [change],
  );
  const discard = useCallback((path: string) => change((now) => without(now, path)), [change]);

  const put = useCallback(
    async (path: string, text: string, etag: string | null): Promise<FlowFile> => {
      const file = await putFile(flow, path, text, etag);
      await keep(flow, path, { text, etag: file.etag });
      change((now) => saved(now, path, text, file.etag));
      return file;
    },
    [flow, change],
  );

  /** Two texts are laid before whoever saves. */
  const compare = useCallback(
    async (path: string) => {
      const draft = latest.current[path];
      if (draft) setConflict({ path, mine: draft.text, ...(await theirs(flow, path)) });
    },
    [flow],
  );

  /** Save every draft; true when all are saved. Stops at the first that somebody else has changed. Throws ApiError. */
  const save = useCallback(async (): Promise<boolean> => {
    setSaving(true);
    try {
      for (const [path, draft] of Object.entries(latest.current)) {
        try {
          await put(path, draft.text, draft.etag);
        } catch (failure) {
          if (!(failure instanceof ApiError) || failure.status !== 412) throw failure;
          await compare(path);
          return false;
        }
      }
      return true;
    } finally {
      setSaving(false);
    }
  }, [put, compare]);

  /** The end of a conflict. text: null to take theirs. Whoever is overtaken once more is asked once more. */
  const settle = useCallback(
    async (text: string | null) => {
      if (!conflict) return;
      const { path, etag } = conflict;
      try {
        if (text !== null) await put(path, text, etag);
      } catch (failure) {
        if (text === null || !(failure instanceof ApiError) || failure.status !== 412) throw failure;
        setConflict({ path, mine: text, ...(await theirs(flow, path)) });
        return;
      }
      discard(path);
      setConflict(null);
      await queries.invalidateQueries({ queryKey: filesKey(flow) });
    },
    [conflict, discard, put, flow],
  );

  const remove = useCallback(
    async (file: FlowFile) => {
      await deleteFile(flow, file.path, file.etag);
      discard(file.path);
    },
    [flow, discard],
  );

  const listed = files.data;
  return useMemo(
    () => ({
      flow,
      files,
      drafts,
      isDirty: Object.keys(drafts).length > 0,
      overtaken: listed ? overtaken(drafts, listed) : [],
      saving,
      conflict,
      write,
      discard,
      save,
      compare,
      settle,
      remove,
      closeConflict: () => setConflict(null),
    }),
    [flow, files, listed, drafts, saving, conflict, write, discard, save, compare, settle, remove],
  );
}

function filesKey(flow: string): readonly unknown[] {
  return keyOf(`/flows/${encodeURIComponent(flow)}/files`);
}

/** What has just been saved is what the file holds; an answer of before that is still on its way does not count. */
async function keep(flow: string, path: string, content: FileContent): Promise<void> {
  const key = [...filesKey(flow), path, ""];
  await queries.cancelQueries({ queryKey: key });
  queries.setQueryData(key, content);
}

async function theirs(flow: string, path: string): Promise<{ theirs: string | null; etag: string | null }> {
  try {
    const { text, etag } = await contentOf(flow, path);
    return { theirs: text, etag };
  } catch (failure) {
    if (failure instanceof ApiError && failure.status === 404) return { theirs: null, etag: null };
    throw failure;
  }
}
