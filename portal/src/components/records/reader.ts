/** The records of a collection, newest first, and several collections joined by the request that they are of. */

import { listFiles, readRange, type StoredFile } from "./datastore";
import { LinesFromEnd } from "./lines";
import { type CollectedRecord, recordOf, spanOf } from "./record";

/** prefix: of the collection's files. */
export type Source = { name: string; label: string; prefix: string };
/** In ms; records outside are left out. */
export type Span = { from: number; to: number };
export type Row = { key: string; time: number; parts: Record<string, CollectedRecord> };
export type Page = { rows: Row[]; more: boolean };

/** A request's records are written at its beginning and its end; no request takes longer. */
const LONGEST_REQUEST_MS = 15 * 60_000;
const MOST_WAITING = 5000;

interface Newest {
  /** Not taken yet, null at the end. */
  peek(): Promise<CollectedRecord | null>;
  take(): void;
}

class RecordsOfFile implements Newest {
  private readonly lines: LinesFromEnd;
  private ahead: CollectedRecord | null | undefined;

  constructor(
    private readonly file: StoredFile,
    private readonly span: Span,
  ) {
    this.lines = new LinesFromEnd((from, to) => readRange(file.path, from, to), file.size);
  }

  async peek(): Promise<CollectedRecord | null> {
    while (this.ahead === undefined) {
      const line = await this.lines.next();
      if (line === null) {
        this.ahead = null;
        break;
      }
      const place = { path: this.file.path, from: line.from, length: line.bytes.length };
      const record = recordOf(new TextDecoder().decode(line.bytes), place);
      if (record && record.time <= this.span.to && record.time >= this.span.from) this.ahead = record;
      else if (record && record.time < this.span.from) this.ahead = null;
    }
    return this.ahead ?? null;
  }

  take(): void {
    this.ahead = undefined;
  }
}

/** Several that go on side by side. */
class Merged implements Newest {
  private first: Newest | null = null;

  constructor(private readonly parts: readonly Newest[]) {}

  async peek(): Promise<CollectedRecord | null> {
    const found = await Promise.all(this.parts.map((part) => part.peek()));
    let best: CollectedRecord | null = null;
    this.first = null;
    for (const [index, record] of found.entries()) {
      if (record && (!best || record.time > best.time)) {
        best = record;
        this.first = this.parts[index] ?? null;
      }
    }
    return best;
  }

  take(): void {
    this.first?.take();
  }
}

/** All files of a collection: those of one folder side by side, folder after folder, each opened when it is its turn. */
class RecordsOfCollection implements Newest {
  private folders: StoredFile[][] | null = null;
  private open: Merged | null = null;

  constructor(
    private readonly prefix: string,
    private readonly span: Span,
  ) {}

  async peek(): Promise<CollectedRecord | null> {
    this.folders ??= await this.listed();
    for (;;) {
      const record = (await this.open?.peek()) ?? null;
      if (record) return record;
      const next = this.folders.shift();
      if (!next) return null;
      this.open = new Merged(next.map((file) => new RecordsOfFile(file, this.span)));
    }
  }

  take(): void {
    this.open?.take();
  }

  private async listed(): Promise<StoredFile[][]> {
    const files = (await listFiles(`${this.prefix}/`)).filter(({ path }) => isIn(path, this.span));
    const byFolder = new Map<string, StoredFile[]>();
    for (const file of files) {
      const folder = file.path.slice(0, file.path.lastIndexOf("/"));
      byFolder.set(folder, [...(byFolder.get(folder) ?? []), file]);
    }
    return [...byFolder].sort(([a], [b]) => (a < b ? 1 : -1)).map(([, found]) => found);
  }
}

/** A minute is lost between a record's time and its file's folder at most. */
export function isIn(path: string, span: Span): boolean {
  const [from, to] = spanOf(path);
  return path.endsWith(".jsonl") && to + 60_000 > span.from && from - 60_000 < span.to;
}

export function collection(prefix: string, span: Span): Newest {
  return new RecordsOfCollection(prefix, span);
}

/** Rows of what several collections hold of one request; newest first. */
export class JoinedRecords {
  private waiting: Row[] = [];
  private readonly byRequest = new Map<string, Row>();

  constructor(private readonly sources: readonly (readonly [name: string, records: Newest])[]) {}

  async page(count: number): Promise<Page> {
    for (;;) {
      const now = await this.newest();
      const open = this.waiting.findIndex((row) => now !== null && !this.isWhole(row, now.record.time));
      const ready = open < 0 ? this.waiting.length : open;
      if (ready >= count || now === null || this.waiting.length > MOST_WAITING) {
        const rows = this.waiting.splice(
          0,
          Math.min(count, Math.max(ready, this.waiting.length > MOST_WAITING ? 1 : 0)),
        );
        for (const row of rows) this.byRequest.delete(row.key);
        return { rows, more: now !== null || this.waiting.length > 0 };
      }
      now.records.take();
      this.add(now.name, now.record);
    }
  }

  private async newest() {
    const found = await Promise.all(
      this.sources.map(async ([name, records]) => ({ name, records, record: await records.peek() })),
    );
    let best: { name: string; records: Newest; record: CollectedRecord } | null = null;
    for (const { name, records, record } of found)
      if (record && (!best || record.time > best.record.time)) best = { name, records, record };
    return best;
  }

  private isWhole(row: Row, now: number): boolean {
    return Object.keys(row.parts).length === this.sources.length || row.time - now > LONGEST_REQUEST_MS;
  }

  private add(name: string, record: CollectedRecord): void {
    const known = this.byRequest.get(record.correlationId);
    if (known && !known.parts[name]) {
      known.parts[name] = record;
      return;
    }
    // Of two records of one collection with one id, each is a row: a caller may say the id twice.
    const key = known ? `${record.correlationId} ${record.place.path}:${record.place.from}` : record.correlationId;
    const row = { key, time: record.time, parts: { [name]: record } };
    this.byRequest.set(record.correlationId, row);
    this.waiting.push(row);
  }
}
