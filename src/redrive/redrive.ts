/** Dead letters decoded again: what makes a row by now goes into data files, exactly once. */
import { basename, dirname, join, relative, resolve } from "node:path";
import { type Decoding, loadDecoding } from "../archiver/mod.ts";
import type { Columns } from "../columns/mod.ts";
import type { Compression } from "../config.ts";
import { UserError } from "../errors.ts";
import {
  checkPages,
  type FooterContent,
  type FoundPath,
  loadParquetEncoder,
  type ParquetEncoder,
  parquetPaths,
  readFooter,
} from "../parquet/mod.ts";
import {
  type FileToPrepare,
  findHomes,
  type Fingerprint,
  fingerprintOf,
  type Home,
  LocalExchange,
} from "../sink/mod.ts";
import { type DecoderOptions, Redecoder, type RowsFile, type StillBad } from "./decode.ts";
import { type DeadLetter, readDeadLetters } from "./letters.ts";
import { rangesOf, type RecordPlace } from "./offsets.ts";
import { ownershipOf } from "./ownership.ts";
import { dataFolderOf } from "./place.ts";
import { type Kind, kindOf } from "./reasons.ts";
import type { FileReport, KindCounts, Report } from "./reports.ts";

export interface RedriveOptions extends Omit<DecoderOptions, "decoding"> {
  /** Folder of the archive. */
  readonly output: string;
  readonly compression: Compression;
  /** Changes nothing. */
  readonly dryRun: boolean;
}

/**
 * Looks through the dead-letter files below `folder`, one after the other, and tells of each.
 *
 * @throws UserError where the folders cannot be used, or the registry gives no answer; what was told is done.
 */
export async function* redrive(folder: string, options: RedriveOptions): AsyncGenerator<Report> {
  using exchange = options.dryRun
    ? undefined
    : await LocalExchange.open({ output: options.output, sources: folder });
  for (const { source, files, missing } of await exchange?.recover() ?? []) {
    yield {
      kind: "recovered",
      path: source,
      files: files.map((final) => join(options.output, final)),
      missing: missing.map((final) => join(options.output, final)),
    };
  }
  // What is written on the way is not looked through again.
  const found = await Array.fromAsync(parquetPaths(folder));
  const { homes } = await findHomes(options.output);
  const decoding = await loadDecoding();
  const work = new Redrive(options, {
    exchange,
    homes,
    decoding,
    decoder: new Redecoder({ ...options, decoding }),
    encoder: await loadParquetEncoder(),
  });
  for (const one of found) yield await work.tryFile(one);
}

interface Parts {
  readonly exchange: LocalExchange | undefined;
  readonly homes: readonly Home[];
  readonly decoding: typeof Decoding;
  readonly decoder: Redecoder;
  readonly encoder: ParquetEncoder;
}

/** What has become of a file's records. */
interface Sorted {
  readonly reasons: Map<Kind, KindCounts>;
  readonly records: number;
  readonly rows: readonly RowsFile[];
  readonly deadLetters: Columns;
  readonly remaining: Map<string, number>;
}

class Redrive {
  readonly #options: RedriveOptions;
  readonly #parts: Parts;

  constructor(options: RedriveOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** What is wrong with one file keeps no other from its turn. */
  async tryFile({ path, error }: FoundPath): Promise<Report> {
    if (error !== undefined) return { kind: "failed", path, error };
    try {
      return await this.#file(path);
    } catch (error) {
      // What is wrong with the sink or the registry is wrong for all files.
      if (!(error instanceof FileProblem || error instanceof Deno.errors.NotFound)) throw error;
      if (!await isThere(path)) return { kind: "gone", path };
      return {
        kind: "failed",
        path,
        error: error instanceof UserError ? error : new UserError(error.message),
      };
    }
  }

  async #file(path: string): Promise<Report> {
    const read = await fingerprintOf(path);
    const { content, isIntact, rows } = await ofFile(() => readFooter(path));
    if (content?.kind !== "dead_letter") return { kind: "passed-over", path, why: "other-kind" };
    const links = (await Deno.stat(path)).nlink ?? 1;
    const ownership = ownershipOf(content, { homes: this.#parts.homes, links });
    if (ownership !== "ours") return { kind: "passed-over", path, why: ownership };
    if (isIntact === false) throw new FileProblem(`${path}: its footer was changed after it was written`);
    await ofFile(() => checkPages(path));
    const sorted = await this.#sort(path, content.topic);
    if (sorted.records !== rows) {
      throw new FileProblem(`${path} holds ${sorted.records} records, and its footer counts ${rows}`);
    }
    const report = reportOf(path, { content, sorted });
    if (report.redriven === 0) return report;
    return await this.#exchange(path, { read, content, sorted, report });
  }

  async #sort(path: string, topic: string): Promise<Sorted> {
    const { decoder, decoding } = this.#parts;
    decoder.begin(topic);
    const reasons = new Map<Kind, KindCounts>();
    const deadLetters = decoding.newDeadLetters();
    const remaining = new Map<string, number>();
    let records = 0;
    for await (const letter of lettersOf(path)) {
      records++;
      const kind = kindOf(letter.error);
      const counts = reasons.get(kind) ?? { records: 0, redriven: 0 };
      reasons.set(kind, counts);
      counts.records++;
      const bad = await decoder.add(letter);
      if (bad === undefined) counts.redriven++;
      else {
        appendAgain(deadLetters, letter, bad);
        remaining.set(bad.reason, (remaining.get(bad.reason) ?? 0) + 1);
      }
    }
    return { reasons, records, rows: decoder.take(), deadLetters, remaining };
  }

  async #exchange(
    path: string,
    { read, content, sorted, report }: {
      read: Fingerprint;
      content: FooterContent;
      sorted: Sorted;
      report: FileReport;
    },
  ): Promise<Report> {
    const { exchange } = this.#parts;
    if (exchange === undefined) return report;
    const { output } = this.#options;
    const folder = await dataFolderOf(output, content.topic);
    const source = basename(path);
    const files = sorted.rows.map(({ open, places }) =>
      this.#prepared(newFile(folder), open.contents(), {
        ...content,
        kind: "redriven",
        ranges: [],
        redriven: { source, offsets: rangesOf(content.topic, places) },
        schemas: open.schemas,
      })
    );
    const data = files.length;
    const places = sorted.rows.flatMap((file) => file.places);
    const ranges = content.ranges.map((range) => {
      const redriven = (range.redriven ?? 0) + countIn(range, places);
      return redriven === 0 ? range : { ...range, redriven };
    });
    // Also without records, where its ranges stand in no other file.
    if (sorted.deadLetters.rows > 0 || ranges.length > 0) {
      files.push(this.#prepared(newFile(dirname(path)), sorted.deadLetters, { ...content, ranges }));
    }
    const done = await exchange.replace(path, read, files);
    if (done.kind === "gone") return { kind: "gone", path };
    if (done.kind === "changed") {
      const error = new UserError(`${path} was changed while it was read: nothing of it was redriven`, {
        hint: "Leave the file alone, and redrive it again.",
      });
      return { kind: "failed", path, error };
    }
    const paths = files.map(({ final }) => join(output, final));
    return {
      ...report,
      dataFiles: report.dataFiles.map((file, index) => ({ ...file, path: paths[index] })),
      deadLetterFile: paths[data],
      missing: done.missing.map((final) => join(output, final)),
    };
  }

  #prepared(path: string, contents: Decoding.FileRows, footer: FooterContent): FileToPrepare {
    const { output, compression } = this.#options;
    const { encoder, decoding } = this.#parts;
    const bytes = decoding.encodeFile(contents, footer, { encoder, compression });
    const final = relative(resolve(output), resolve(path)).replaceAll("\\", "/");
    return { final, bytes, rows: contents.rows };
  }
}

/** A problem of one file. */
class FileProblem extends UserError {}

/** What `read` gives; what it throws for people is a problem of the file that it reads. */
async function ofFile<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw problemOf(error);
  }
}

async function* lettersOf(path: string): AsyncGenerator<DeadLetter> {
  const letters = readDeadLetters(path);
  for (;;) {
    const next = await ofFile(() => letters.next());
    if (next.done) return;
    yield next.value;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

function problemOf(error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  const { message, hint, cause } = error;
  return new FileProblem(message, { cause, ...hint !== undefined && { hint } });
}

function reportOf(
  path: string,
  { content, sorted }: { content: FooterContent; sorted: Sorted },
): FileReport {
  const { reasons, records, rows, remaining } = sorted;
  return {
    kind: "file",
    path,
    topic: content.topic,
    ...{ reasons, records, remaining },
    redriven: [...reasons.values()].reduce((sum, one) => sum + one.redriven, 0),
    dataFiles: rows.map(({ open }) => ({ path: undefined, rows: open.rows })),
    deadLetterFile: undefined,
    missing: [],
  };
}

function newFile(folder: string): string {
  return join(folder, `${crypto.randomUUID()}.parquet`);
}

function countIn(
  { partition, first, next }: FooterContent["ranges"][number],
  places: readonly RecordPlace[],
): number {
  return places.filter((one) => one.partition === partition && one.offset >= first && one.offset < next)
    .length;
}

/** Appends a record that is a dead letter still, as it was but for the reason. */
function appendAgain(columns: Columns, { cells }: DeadLetter, { schemaId, reason }: StillBad): void {
  const now: Readonly<Record<string, unknown>> = { ...cells, schema_id: schemaId, error: reason };
  columns.appendRow(columns.schema.columns.map(({ name }) => now[name]));
}
