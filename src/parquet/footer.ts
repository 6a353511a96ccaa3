/**
 * What our files say of themselves in the key-value pairs of the Parquet footer: from the footers of an archive
 * alone its coverage can be proved, and the position of a lost consumer group rebuilt.
 */
import type { FileMetaData } from "hyparquet";
import type { PartitionRange, SchemaId } from "../model.ts";
import { CHECKSUM_KEY, CHECKSUM_PLACEHOLDER, readChecksums } from "./checksum.ts";
import { ParquetSource } from "./source.ts";

export const FOOTER_KEY_PREFIX = "kafka2parquet.";

/** What happened to the records of one partition's offset range; `topic` is that of the file. */
export interface RangeCounts extends PartitionRange {
  /** Where the group's archive of the partition begins, if it is known: the first files may be missing. */
  readonly start?: bigint | undefined;
  readonly rows: number;
  /** Records in dead-letter files, by reason. */
  readonly deadLetters: Readonly<Record<string, number>>;
  /** Records left out on purpose, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
  /** So many of the dead letters are rows of redriven files meanwhile; absent where none is. */
  readonly redriven?: number | undefined;
}

/** Records that were dead letters, and are rows since the schema was mended or registered. */
export interface RedrivenRecords {
  /** The name that the dead-letter file had. */
  readonly source: string;
  /** Their offsets, where one follows the other as one range: each offset in a range is a row of this file. */
  readonly offsets: readonly PartitionRange[];
}

export interface FooterContent {
  readonly version: string;
  readonly kind: "data" | "dead_letter" | "redriven";
  readonly cluster: string;
  readonly group: string;
  readonly topic: string;
  readonly checkpoint: string;
  /**
   * The offset ranges that this file accounts for. Each range stands in one file only: the data file, or the
   * dead-letter file where no record of the range became a row. A redriven file has none: its records stand in the
   * range of another file, among its dead letters.
   */
  readonly ranges: readonly RangeCounts[];
  /** There where `kind` is `redriven`. */
  readonly redriven?: RedrivenRecords | undefined;
  /** Writer schema by what the registry knows it by. */
  readonly schemas: ReadonlyMap<SchemaId, string>;
}

/** The footer of any Parquet file; `content` is undefined for files that are not ours. */
export interface Footer {
  readonly rows: number;
  readonly createdBy: string | undefined;
  readonly content: FooterContent | undefined;
}

export interface CheckedFooter extends Footer {
  /** Whether the footer is as it was written; undefined where it has no checksum. */
  readonly isIntact: boolean | undefined;
}

/** The footer's key-value pairs for a content; {@link parseEntries} is its inverse. */
export function footerEntries(content: FooterContent): Map<string, string> {
  const entries = new Map<string, string>();
  const put = (key: string, value: string) => entries.set(FOOTER_KEY_PREFIX + key, value);
  put("version", content.version);
  put("kind", content.kind);
  put("cluster", content.cluster);
  put("group", content.group);
  put("topic", content.topic);
  put("checkpoint", content.checkpoint);
  put(
    "ranges",
    JSON.stringify(content.ranges.map((range) => ({
      partition: range.partition,
      first: range.first.toString(),
      next: range.next.toString(),
      start: range.start?.toString(),
      rows: range.rows,
      dead_letters: range.deadLetters,
      skipped: range.skipped,
      redriven: range.redriven,
    }))),
  );
  if (content.redriven !== undefined) {
    const { source, offsets } = content.redriven;
    put("redriven", JSON.stringify({ source, offsets: offsetsByPartition(offsets) }));
  }
  put("schema_ids", JSON.stringify([...content.schemas.keys()]));
  for (const [id, text] of content.schemas) put(`schema.${id}`, text);
  entries.set(CHECKSUM_KEY, CHECKSUM_PLACEHOLDER);
  return entries;
}

/**
 * Reads {@link footerEntries} back.
 *
 * @returns undefined where the pairs are not ours.
 * @throws SyntaxError or TypeError where they are ours but damaged.
 */
export function parseEntries(entries: ReadonlyMap<string, string>): FooterContent | undefined {
  const get = (key: string) => entries.get(FOOTER_KEY_PREFIX + key);
  const ranges = get("ranges");
  const topic = get("topic");
  const kind = get("kind");
  const isKnown = kind === "data" || kind === "dead_letter" || kind === "redriven";
  if (ranges === undefined || topic === undefined || !isKnown) return undefined;
  const redriven = get("redriven");
  const ids = JSON.parse(get("schema_ids") ?? "[]") as SchemaId[];
  return {
    version: get("version") ?? "",
    kind,
    cluster: get("cluster") ?? "",
    group: get("group") ?? "",
    topic,
    checkpoint: get("checkpoint") ?? "",
    ranges: (JSON.parse(ranges) as StoredRange[]).map((range) => ({
      topic,
      partition: range.partition,
      first: BigInt(range.first),
      next: BigInt(range.next),
      ...(range.start !== undefined && { start: BigInt(range.start) }),
      rows: range.rows,
      deadLetters: range.dead_letters,
      skipped: range.skipped,
      ...(range.redriven !== undefined && { redriven: range.redriven }),
    })),
    ...(redriven !== undefined && { redriven: parseRedriven(redriven, topic) }),
    schemas: new Map(ids.map((id) => [id, get(`schema.${id}`) ?? ""])),
  };
}

interface StoredRange {
  readonly partition: number;
  readonly first: string;
  readonly next: string;
  readonly start?: string;
  readonly rows: number;
  readonly dead_letters: Record<string, number>;
  readonly skipped: Record<string, number>;
  readonly redriven?: number;
}

/** First and next offset of each range, by partition. */
type StoredOffsets = Record<string, [string, string][]>;

function offsetsByPartition(offsets: readonly PartitionRange[]): StoredOffsets {
  const stored: StoredOffsets = {};
  for (const { partition, first, next } of offsets) {
    (stored[partition] ??= []).push([first.toString(), next.toString()]);
  }
  return stored;
}

function parseRedriven(text: string, topic: string): RedrivenRecords {
  const { source, offsets } = JSON.parse(text) as { source: string; offsets: StoredOffsets };
  return {
    source,
    offsets: Object.entries(offsets).flatMap(([partition, ranges]) =>
      ranges.map(([first, next]) => ({
        ...{ topic, partition: Number(partition) },
        ...{ first: BigInt(first), next: BigInt(next) },
      }))
    ),
  };
}

/**
 * Reads the footer of a Parquet file on disk; nothing but the footer is read.
 *
 * @throws UserError that names the file where it is no whole Parquet file.
 */
export async function readFooter(path: string): Promise<CheckedFooter> {
  using source = await ParquetSource.open(path);
  const { metadata, bytes } = await source.footer();
  return await source.fromFooter(() => ({
    ...footerOf(metadata),
    isIntact: readChecksums(bytes)?.isFooterIntact,
  }));
}

/** What the metadata of a file says. Throws where its pairs are ours but damaged. */
export function footerOf(metadata: FileMetaData): Footer {
  const pairs = metadata.key_value_metadata ?? [];
  return {
    rows: Number(metadata.num_rows),
    createdBy: metadata.created_by,
    content: parseEntries(new Map(pairs.map(({ key, value }) => [key, value ?? ""]))),
  };
}
