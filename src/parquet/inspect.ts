/** What a Parquet file says of itself, of our own or of another program: columns, sizes, origin, and its rows. */
import { type ColumnMetaData, type FileMetaData, parquetSchema, type SchemaTree } from "hyparquet";
import { type FooterContent, footerOf } from "./footer.ts";
import { readRows } from "./rows.ts";
import { ParquetSource } from "./source.ts";
import { type TypeNames, typeNamesIn } from "./type_names.ts";
import type { Value } from "./values.ts";

/** How the values of one leaf, over all row groups, are stored. */
export interface Storage {
  /** As in the footer, such as `SNAPPY`; several where row groups differ. */
  readonly codecs: readonly string[];
  /** Of the data pages, where the file tells them from others; levels and dictionaries are left out. */
  readonly encodings: readonly string[];
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
}

/** A leaf of a nested column. */
export interface FileLeaf extends TypeNames, Storage {
  /** Names from the column down. */
  readonly path: readonly string[];
}

/** One top-level column; its storage is that of all its leaves together. */
export interface FileColumn extends TypeNames, Storage {
  readonly name: string;
  readonly nullable: boolean;
  /** Nulls in a flat column, where the file's statistics say it. */
  readonly nulls: number | undefined;
  /** The column itself where it is flat. */
  readonly leaves: readonly FileLeaf[];
}

export interface RowGroupSummary {
  readonly rows: number;
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
}

export interface FileSummary {
  readonly path: string;
  /** Of the whole file. */
  readonly bytes: number;
  readonly footerBytes: number;
  readonly rows: number;
  readonly createdBy: string | undefined;
  readonly rowGroups: readonly RowGroupSummary[];
  readonly columns: readonly FileColumn[];
  /** Undefined for a file of another program. */
  readonly content: FooterContent | undefined;
}

/** An open file. */
export class ParquetReader implements Disposable {
  readonly summary: FileSummary;
  readonly #source: ParquetSource;
  readonly #metadata: FileMetaData;

  private constructor(source: ParquetSource, read: { metadata: FileMetaData; summary: FileSummary }) {
    this.#source = source;
    this.#metadata = read.metadata;
    this.summary = read.summary;
  }

  /** Throws UserError naming the file where it cannot be read, or is no whole Parquet file. */
  static async open(path: string): Promise<ParquetReader> {
    const source = await ParquetSource.open(path);
    try {
      const metadata = await source.metadata();
      const summary = await source.fromFooter(() => summaryOf(source, metadata));
      return new ParquetReader(source, { metadata, summary });
    } catch (error) {
      source[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * The first `limit` rows in batches, each a list of the columns' values.
   *
   * Throws UserError naming the file where its data is damaged.
   */
  rows(limit: number): AsyncGenerator<readonly (readonly Value[])[]> {
    return readRows(this.#source, { metadata: this.#metadata, limit });
  }

  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }
}

function summaryOf(source: ParquetSource, metadata: FileMetaData): FileSummary {
  const { rows, createdBy, content } = footerOf(metadata);
  return {
    path: source.path,
    bytes: source.byteLength,
    footerBytes: metadata.metadata_length,
    rows,
    createdBy,
    rowGroups: metadata.row_groups.map((group) => ({
      rows: Number(group.num_rows),
      ...sizesOf(group.columns.flatMap(({ meta_data }) => meta_data ?? [])),
    })),
    columns: columnsOf(metadata),
    content,
  };
}

function columnsOf(metadata: FileMetaData): FileColumn[] {
  const chunks = new Map<string, ColumnMetaData[]>();
  for (const { meta_data: chunk } of metadata.row_groups.flatMap(({ columns }) => columns)) {
    if (chunk === undefined) continue;
    const key = JSON.stringify(chunk.path_in_schema);
    const known = chunks.get(key);
    if (known === undefined) chunks.set(key, [chunk]);
    else known.push(chunk);
  }
  const chunksOf = (leaf: SchemaTree) => chunks.get(JSON.stringify(leaf.path)) ?? [];
  return parquetSchema(metadata).children.map((node) => {
    const leaves = leavesOf(node);
    return {
      name: node.element.name,
      nullable: node.element.repetition_type === "OPTIONAL",
      ...typeNamesIn(node),
      ...storageOf(leaves.flatMap(chunksOf)),
      nulls: node.children.length === 0 ? nullsOf(chunksOf(node)) : undefined,
      leaves: leaves.map((leaf) => ({
        path: leaf.path,
        ...typeNamesIn(leaf),
        ...storageOf(chunksOf(leaf)),
      })),
    };
  });
}

function leavesOf(node: SchemaTree): SchemaTree[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leavesOf);
}

function storageOf(chunks: readonly ColumnMetaData[]): Storage {
  return {
    codecs: [...new Set(chunks.map(({ codec }) => codec))],
    encodings: [...new Set(chunks.flatMap(encodingsOf))],
    ...sizesOf(chunks),
  };
}

function sizesOf(chunks: readonly ColumnMetaData[]): { compressedBytes: number; uncompressedBytes: number } {
  return {
    compressedBytes: chunks.reduce((sum, chunk) => sum + Number(chunk.total_compressed_size), 0),
    uncompressedBytes: chunks.reduce((sum, chunk) => sum + Number(chunk.total_uncompressed_size), 0),
  };
}

function encodingsOf(chunk: ColumnMetaData): string[] {
  const ofData = chunk.encoding_stats?.filter(({ page_type }) => page_type.startsWith("DATA_PAGE"));
  return ofData?.map(({ encoding }) => encoding) ?? chunk.encodings;
}

function nullsOf(chunks: readonly ColumnMetaData[]): number | undefined {
  let sum = 0;
  for (const { statistics } of chunks) {
    if (statistics?.null_count === undefined) return undefined;
    sum += Number(statistics.null_count);
  }
  return sum;
}
