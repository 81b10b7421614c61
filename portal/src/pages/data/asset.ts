/** Data assets as the API tells them. */

/** What storing files as an asset takes. */
export const UPLOAD = ["data/versions/write", "datastores/listSecrets/action"] as const;

export type Asset = {
  id: string;
  name: string;
  properties: {
    description?: string;
    isArchived: boolean;
    latestVersion?: string | null;
    nextVersion?: string | null;
    dataType?: string;
  };
  systemData?: { lastModifiedAt: string };
};

export type Version = {
  id: string;
  name: string;
  properties: {
    dataType: string;
    dataUri: string;
    description?: string;
    tags: Record<string, string>;
    contentHash?: string;
    isArchived: boolean;
  };
  systemData?: { createdAt: string; createdBy: string };
};

export const TYPE_WORDS: Record<string, string> = {
  uri_file: "File (uri_file)",
  uri_folder: "Folder (uri_folder)",
  mltable: "Table (mltable)",
};
