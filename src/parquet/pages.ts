/** Every page of a file, looked at: where it lies, its checksum if it has one, and whether it can be decoded. */
import { crc32 } from "node:zlib";
import { type ColumnMetaData, type FileMetaData, parquetSchema, type SchemaTree } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { readChecksums } from "./checksum.ts";
import { decodeAll } from "./rows.ts";
import { ParquetSource } from "./source.ts";

/** Bytes of one column in one row group; a larger one is no file of ours, and would not fit into memory. */
const CHUNK_BYTES_MAX = 1024 * 1024 * 1024;
const READ_BYTES = 1024 * 1024;

/**
 * Reads a whole file: its bytes against the checksum in the footer, where it is one of ours, then each page of each
 * column, one column of a row group at a time.
 *
 * @throws UserError that names the file and what is wrong with it.
 */
export async function checkPages(path: string): Promise<void> {
  using source = await ParquetSource.open(path);
  const { metadata, bytes } = await source.footer();
  const what = `${path} is damaged`;
  const checksums = readChecksums(bytes);
  if (checksums !== undefined) {
    await source.guard(what, () => checkData(source, { until: bytes.length, expected: checksums.data }));
  }
  const repeated = repeatedLeaves(metadata);
  for (const [index, group] of metadata.row_groups.entries()) {
    for (const { meta_data: chunk } of group.columns) {
      if (chunk === undefined) continue;
      const name = chunk.path_in_schema.join(".");
      await source.guard(`${what}: row group ${index}, column ${name}`, async () => {
        const values = checkChunk(await readChunk(source, chunk));
        // Of a column without lists each row is one value, null or not.
        const expected = repeated.has(JSON.stringify(chunk.path_in_schema))
          ? chunk.num_values
          : group.num_rows;
        if (BigInt(values) === BigInt(expected)) return;
        throw new Error(`its pages hold ${values} values, not ${expected}`);
      });
    }
  }
  await decodeAll(source, metadata);
}

/** Throws where the bytes before the footer are not those that were written. */
async function checkData(
  source: ParquetSource,
  { until, expected }: { until: number; expected: number },
): Promise<void> {
  // The length of the footer and the magic follow it.
  const end = source.byteLength - until - 8;
  let crc = 0;
  for (let at = 0; at < end; at += READ_BYTES) {
    crc = crc32(new Uint8Array(await source.slice(at, Math.min(at + READ_BYTES, end))), crc);
  }
  if (crc === expected) return;
  throw new Error("its data is not what was written: the checksum in its footer is another one");
}

async function readChunk(source: ParquetSource, chunk: ColumnMetaData): Promise<ArrayBuffer> {
  // Writers of old name 0 where there is no dictionary.
  const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
  const length = Number(chunk.total_compressed_size);
  if (length > CHUNK_BYTES_MAX) throw new Error(`it has ${length} bytes, more than can be read at once`);
  return await source.slice(start, start + length);
}

/**
 * Walks over the pages of a column chunk.
 *
 * @returns how many values they hold, nulls included.
 * @throws Error where a page leads out of the chunk, or does not have its checksum.
 */
export function checkChunk(chunk: ArrayBuffer): number {
  const reader = { view: new DataView(chunk), offset: 0 };
  let values = 0;
  while (reader.offset < chunk.byteLength) {
    const at = reader.offset;
    const header = parquetHeader(reader);
    const length = header.compressed_page_size;
    if (!(length >= 0) || reader.offset + length > chunk.byteLength) {
      throw new Error(`the page at byte ${at} leads out of the column`);
    }
    const page = new Uint8Array(chunk, reader.offset, length);
    // Thrift has no unsigned numbers.
    if (header.crc !== undefined && crc32(page) !== header.crc >>> 0) {
      throw new Error(`the page at byte ${at} does not have its checksum`);
    }
    values += header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0;
    reader.offset += length;
  }
  return values;
}

/** Paths of the leaves that are in a list or map. */
function repeatedLeaves(metadata: FileMetaData): Set<string> {
  const found = new Set<string>();
  const visit = ({ element, children, path }: SchemaTree, isWithin: boolean) => {
    const isRepeated = isWithin || element.repetition_type === "REPEATED";
    if (children.length === 0 && isRepeated) found.add(JSON.stringify(path));
    for (const child of children) visit(child, isRepeated);
  };
  visit(parquetSchema(metadata), false);
  return found;
}
