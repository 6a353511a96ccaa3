/** Columns that several writers have filled, side by side in one stream. */
import { arrowSchema, batchToIPC, toRecordBatch } from "./arrow.ts";
import type { ColumnBuffers } from "./buffers.ts";
import { IpcTemplate, type StreamMemory } from "./ipc.ts";
import type { FileSchema } from "./schema.ts";

/** Writes Arrow IPC streams of one schema: keep it for the next file of that schema, for what it costs to make. */
export class StreamWriter {
  readonly schema: FileSchema;
  readonly #arrow;
  /** Made of the first row that there is. */
  #template: IpcTemplate | undefined;

  constructor(schema: FileSchema) {
    this.schema = schema;
    this.#arrow = arrowSchema(schema);
  }

  /** A stream of the first `rows` rows as one batch. The buffers are those of the schema's columns, in its order. */
  write(
    buffers: readonly ColumnBuffers[],
    { rows, memory }: { rows: number; memory?: StreamMemory | undefined },
  ): Uint8Array {
    if (buffers.length !== this.schema.columns.length) {
      throw new TypeError(`Cannot write ${buffers.length} columns as ${this.schema.columns.length}`);
    }
    const batchOf = (rows: number) => toRecordBatch(buffers, { schema: this.#arrow, rows });
    if (rows === 0) return batchToIPC(batchOf(0));
    this.#template ??= new IpcTemplate(batchToIPC(batchOf(1)));
    return this.#template.write(buffers, rows, memory);
  }
}
