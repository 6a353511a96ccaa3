/** How metadata, keys and values of a topic stand in one file. */
import { type Columns, type FileSchema, type StreamOptions, StreamWriter } from "../columns/mod.ts";
import type { Metadata, MetadataField } from "../config.ts";
import { specOf } from "./schema.ts";

/** All rows of a file, ready to be written. */
export interface FileRows {
  readonly schema: FileSchema;
  readonly rows: number;
  /** As {@link Columns.toIPC}. */
  toIPC(options: StreamOptions): Uint8Array;
}

export interface LayoutOptions {
  /** At least one field. */
  readonly metadata: Metadata;
  readonly topic: string;
  readonly separator: string;
}

const NO_KEYS: FileSchema = { columns: [] };

/** Of one topic. It lives as long as the program: what is learnt of a file's schema holds for the next one. */
export class MetadataLayout {
  readonly keyForm: Metadata["keyForm"];
  /** The fields of {@link schema}: an Avro key is not among them. */
  readonly fields: readonly MetadataField[];
  readonly schema: FileSchema;
  /** The columns of Avro keys while none has told its schema; undefined where keys are no Avro. */
  readonly unknownKey: FileSchema | undefined;
  /** Where the columns of an Avro key stand among those of {@link schema}. */
  readonly #keyAt: number;
  /** By the schemas of keys and values. */
  readonly #writers = new WeakMap<FileSchema, WeakMap<FileSchema, StreamWriter>>();

  constructor({ metadata, topic, separator }: LayoutOptions) {
    const { fields, keyForm } = metadata;
    const hasAvroKey = fields.includes("key") && keyForm === "avro";
    const spec = (field: MetadataField) => specOf(field, { topic, separator, keyForm });
    this.keyForm = keyForm;
    this.fields = hasAvroKey ? fields.filter((field) => field !== "key") : fields;
    this.schema = { columns: this.fields.map(spec) };
    this.unknownKey = hasAvroKey ? { columns: [spec("key")] } : undefined;
    this.#keyAt = fields.indexOf("key");
  }

  /** Metadata, Avro keys if there are any, and values side by side. They hold the same rows. */
  join(
    { metadata, keys, values }: { metadata: Columns; keys?: Columns | undefined; values: Columns },
  ): FileRows {
    const { rows } = metadata;
    for (const { rows: other } of [keys ?? metadata, values]) {
      if (other !== rows) throw new RangeError(`Cannot join ${rows} rows of metadata with ${other} others`);
    }
    const writer = this.#writer(keys?.schema ?? NO_KEYS, values.schema);
    const buffers = this.#inOrder(metadata.buffers, keys?.buffers ?? [], values.buffers);
    return {
      schema: writer.schema,
      rows,
      toIPC: (options) => writer.write(buffers, { rows, ...options }),
    };
  }

  #writer(keys: FileSchema, values: FileSchema): StreamWriter {
    let writers = this.#writers.get(keys);
    if (writers === undefined) this.#writers.set(keys, writers = new WeakMap());
    let writer = writers.get(values);
    if (writer === undefined) {
      const columns = this.#inOrder(this.schema.columns, keys.columns, values.columns);
      writers.set(values, writer = new StreamWriter({ columns }));
    }
    return writer;
  }

  #inOrder<T>(metadata: readonly T[], keys: readonly T[], values: readonly T[]): T[] {
    if (keys.length === 0) return [...metadata, ...values];
    return [...metadata.slice(0, this.#keyAt), ...keys, ...metadata.slice(this.#keyAt), ...values];
  }
}
