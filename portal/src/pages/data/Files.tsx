import { Button, Text } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keyOf } from "../../api/queries";
import { Moment } from "../../components/Moment";
import { type Column, ResourceTable } from "../../components/ResourceTable";
import { listFiles, readFile, type StoredFile } from "../../components/records/datastore";
import { saveAs } from "../../components/saveAs";
import { Loaded } from "../../components/states";
import { useToasts } from "../../components/toasts";
import { sizeText } from "./upload";

/** The files of a version, each to be downloaded. place: its path in the datastore. */
export function Files({ id, place }: { id: string; place: string }) {
  const query = useQuery({ queryKey: keyOf(id, "files"), queryFn: () => filesAt(place) });
  const columns: Column<StoredFile>[] = [
    { label: "Name", cell: (file) => <Text>{nameOf(file, place)}</Text>, sort: (file) => file.path, width: "50%" },
    { label: "Size", cell: (file) => sizeText(file.size), sort: (file) => file.size },
    { label: "Written", cell: (file) => <Moment at={file.modified} />, sort: (file) => file.modified, wide: true },
    { label: "Download", action: true, cell: (file) => <Download file={file} name={nameOf(file, place)} /> },
  ];
  return (
    <Loaded query={query}>
      {(files) =>
        files.length === 0 ? (
          <Text>There are no files here, or not yet.</Text>
        ) : (
          <ResourceTable
            label="Files"
            rows={files}
            columns={columns}
            keyOf={(file) => file.path}
            {...(files.length > 10 && { textOf: (file: StoredFile) => file.path })}
          />
        )
      }
    </Loaded>
  );
}

/** Of a folder all that is below it, of a file itself. */
async function filesAt(place: string): Promise<StoredFile[]> {
  const found = await listFiles(place);
  return found.filter(({ path }) => path === place || path.startsWith(`${place}/`));
}

function nameOf({ path }: StoredFile, place: string): string {
  return path === place ? (place.split("/").pop() ?? place) : path.slice(place.length + 1);
}

function Download({ file, name }: { file: StoredFile; name: string }) {
  const toasts = useToasts();
  const [busy, setBusy] = useState(false);
  const download = async () => {
    setBusy(true);
    try {
      saveAs(await readFile(file.path), name.split("/").pop() ?? name);
    } catch (failure) {
      toasts.failed(`${name} was not downloaded.`, failure);
    }
    setBusy(false);
  };
  return (
    <Button
      size="small"
      icon={<ArrowDownloadRegular />}
      disabled={busy}
      aria-label={`Download ${name}`}
      onClick={() => void download()}
    />
  );
}
