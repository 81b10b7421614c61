import { useRef, useState } from "react";
import { type Edit, type Patch, saveEdit } from "../api/edits";

/** A resource (undefined for a new one) as it was when its form was opened, and how changes of it are saved. save: throws ApiError, also to ask
 * whether what another has changed meanwhile is to be replaced; saved once more, it is. */
export function useEdit<T extends object | undefined>(opened: T) {
  const [resource] = useState(opened);
  const seen = useRef((opened ?? {}) as Patch);
  const save = async (edit: Edit) => {
    const found = await saveEdit(edit, seen.current);
    if (!found) return;
    seen.current = found.now;
    throw found.refusal;
  };
  return { resource, save };
}
