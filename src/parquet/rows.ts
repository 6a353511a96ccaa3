/** The rows of a file, a bounded number at a time. */
import { type FileMetaData, parquetRead, parquetSchema, type RowGroup, type SchemaTree } from "hyparquet";
import { UserError } from "../errors.ts";
import type { ParquetSource } from "./source.ts";
import { converterOf, plainSchema, type Value } from "./values.ts";

/** Rows that are in memory at once, where the file says where its pages are. */
const BATCH_ROWS = 5_000;
/** Bytes of a row group that is read whole because its file does not say where its pages are. */
const READ_BYTES_MAX = 1024 * 1024 * 1024;

/** A byte order mark is a part of the text. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const parsers = {
  stringFromBytes: (bytes: Uint8Array) => bytes && decoder.decode(bytes),
  // Of INT96, the only type whose conversion cannot be turned off.
  timestampFromNanoseconds: (nanos: bigint) => nanos as unknown as Date,
};

/** The first `limit` rows in batches; in each row the values of the columns, in the schema's order. */
export async function* readRows(
  source: ParquetSource,
  { metadata, limit }: { metadata: FileMetaData; limit: number },
): AsyncGenerator<readonly (readonly Value[])[]> {
  const what = `Cannot read the rows of ${source.path}`;
  await source.guard(what, () => checkChunks(metadata));
  const options = await readOptions(source, metadata);
  const convert = parquetSchema(metadata).children.map(converterOf);
  for (const [rowStart, rowEnd] of batches(source.path, metadata.row_groups, limit)) {
    yield await source.guard(what, async () => {
      let read: readonly unknown[][] = [];
      await parquetRead({
        ...options,
        rowStart,
        rowEnd,
        onComplete: (complete: unknown[][]) => read = complete,
      });
      return read.map((row) => convert.map((one, column) => one(row[column])));
    });
  }
}

/**
 * Decodes the whole file, a column of some rows at a time.
 *
 * @throws UserError naming the file and the column where that cannot be done.
 */
export async function decodeAll(source: ParquetSource, metadata: FileMetaData): Promise<void> {
  await source.guard(`${source.path} is damaged`, () => checkChunks(metadata));
  const options = await readOptions(source, metadata);
  for (const { element: { name } } of parquetSchema(metadata).children) {
    for (const [rowStart, rowEnd] of batches(source.path, metadata.row_groups, Infinity)) {
      await source.guard(
        `${source.path} is damaged: column ${name} of rows ${rowStart} to ${rowEnd - 1}`,
        () => parquetRead({ ...options, columns: [name], rowStart, rowEnd }),
      );
    }
  }
}

/** How hyparquet reads rows of ours. */
async function readOptions(source: ParquetSource, metadata: FileMetaData) {
  // Loaded here, because footers alone need no codec.
  const { compressors } = await import("hyparquet-compressors");
  return {
    file: {
      byteLength: source.byteLength,
      slice: (start: number, end?: number) => observed(source.slice(start, end)),
    },
    metadata: { ...metadata, schema: plainSchema(metadata.schema) },
    compressors,
    parsers,
    utf8: false,
    geoparquet: false,
    useOffsetIndex: true,
  };
}

/**
 * hyparquet reads all columns at once and waits for those that the schema has, each once: what fails in any other is
 * an error that nobody catches.
 */
function checkChunks(metadata: FileMetaData): void {
  const leaves = parquetSchema(metadata).children.flatMap(leafPaths);
  if (new Set(leaves).size !== leaves.length) throw new Error("two columns have the same name");
  for (const [index, { columns }] of metadata.row_groups.entries()) {
    const paths = columns.map(({ meta_data }) => JSON.stringify(meta_data?.path_in_schema));
    if (paths.length === leaves.length && paths.every((path, column) => path === leaves[column])) continue;
    throw new Error(`row group ${index} has other columns than the schema`);
  }
}

function leafPaths({ children, path }: SchemaTree): string[] {
  return children.length === 0 ? [JSON.stringify(path)] : children.flatMap(leafPaths);
}

/** A read may fail that hyparquet has begun and not come to wait for. */
function observed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Ranges of rows to read at once, up to `limit`. Throws UserError where one would not fit into memory. */
function* batches(
  path: string,
  groups: readonly RowGroup[],
  limit: number,
): Generator<readonly [number, number]> {
  let groupStart = 0;
  for (const group of groups) {
    const end = Math.min(groupStart + Number(group.num_rows), limit);
    const isIndexed = group.columns.every((column) => (column.offset_index_length ?? 0) > 0);
    if (!isIndexed && end > groupStart) checkSize(path, group);
    const step = isIndexed ? BATCH_ROWS : Infinity;
    for (let from = groupStart; from < end; from += step) yield [from, Math.min(from + step, end)];
    groupStart += Number(group.num_rows);
  }
}

function checkSize(path: string, group: RowGroup): void {
  const bytes = group.columns.reduce(
    (sum, { meta_data }) => sum + Number(meta_data?.total_compressed_size),
    0,
  );
  if (bytes <= READ_BYTES_MAX) return;
  throw new UserError(
    `Cannot read the rows of ${path}: its first row group has ${bytes} bytes and no index`,
    {
      hint: "Leave the rows out with --rows 0, or read them with DuckDB.",
    },
  );
}
