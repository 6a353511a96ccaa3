/**
 * The columns of a topic's files, from file to file: what all writer schemas need that were seen in this run.
 *
 * So files keep the same columns in the same order, whichever versions of the schema happen to be in one of them. Where
 * two schemas cannot share a file, the topic has a line of files for each of them, and goes back to a line when its
 * schemas come again.
 */
import { getLogger } from "@logtape/logtape";
import { Clash, type ColumnOptions, hasAliases, keepsPlaces, merge } from "../avro/mod.ts";
import type { FileSchema } from "../columns/mod.ts";
import { typeNamesOf } from "../parquet/mod.ts";
import type { SchemaId } from "../model.ts";
import type { WriterSchema } from "./schemas.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

/** Lines of a topic that are remembered; the one that was left the longest ago is forgotten. */
const LINES_MAX = 8;
/** Writers of a line, and those refused, that are remembered; others are merged again, which changes nothing. */
const WRITERS_MAX = 1000;

/** Files that follow each other: the columns of the next one begin with those of the last, in the same order. */
export interface Line {
  /** The columns of the open file, or the next. */
  readonly file: FileSchema;
}

interface OpenLine {
  file: FileSchema;
  /** By registry id. */
  readonly writers: Map<SchemaId, WriterSchema>;
  /** Ids of those that did not go with it, and are not tried again: it only gets wider. */
  readonly refused: Set<SchemaId>;
}

export class TopicColumns {
  readonly #topic: string;
  readonly #options: ColumnOptions;
  /** The last one first. */
  readonly #lines: OpenLine[] = [];
  /** Columns whose clash was told; the empty name for one that is no column's. */
  readonly #told = new Set<string>();

  constructor(topic: string, options: ColumnOptions) {
    this.#topic = topic;
    this.#options = options;
  }

  /** The line that was used last; undefined where there was none. */
  get last(): Line | undefined {
    return this.#lines[0];
  }

  /** The line for records of a writer, its columns widened for them: the last one, if it can hold them. */
  lineFor(writer: WriterSchema): Line {
    const last = this.#lines[0];
    if (last?.writers.has(writer.id)) return last;
    const home = this.#lines.find(({ writers }) => writers.has(writer.id));
    for (const line of this.#lines) {
      if (line.refused.has(writer.id)) continue;
      // Where names have changed, another line may have another column for it.
      if (home !== undefined && home !== line && (hasAliases(home.file) || hasAliases(line.file))) continue;
      const file = merge(line.file, writer.type, this.#options);
      const moved = file instanceof Clash ? undefined : movedBy(file, line);
      if (!(file instanceof Clash) && moved === undefined) {
        line.file = file;
        return this.#continue(line, writer);
      }
      if (line === last) {
        if (file instanceof Clash) this.#warnOfClash(line, writer, file);
        else if (moved !== undefined) this.#warnOfMove(moved, writer);
      }
      if (line.refused.size >= WRITERS_MAX) line.refused.clear();
      line.refused.add(writer.id);
    }
    return this.#continue({ file: writer.columns, writers: new Map(), refused: new Set() }, writer);
  }

  #continue(line: OpenLine, writer: WriterSchema): OpenLine {
    if (line !== this.#lines[0]) {
      const others = this.#lines.filter((other) => other !== line).slice(0, LINES_MAX - 1);
      this.#lines.splice(0, Infinity, line, ...others);
    }
    if (line.writers.size >= WRITERS_MAX) line.writers.clear();
    line.writers.set(writer.id, writer);
    return line;
  }

  /** Whether it was not told yet. */
  #tells(column: string): boolean {
    if (this.#told.has(column) || this.#told.size >= WRITERS_MAX) return false;
    this.#told.add(column);
    return true;
  }

  #warnOfMove(moved: WriterSchema, writer: WriterSchema): void {
    if (!this.#tells("")) return;
    log.warning(
      "{topic}: schema {id} gives a name that is an alias in the open file a column of its own, and records of schema " +
        "{heldId} would change columns: its records go into files of their own",
      { topic: this.#topic, id: writer.id, heldId: moved.id },
    );
  }

  #warnOfClash(line: OpenLine, writer: WriterSchema, clash: Clash): void {
    if (!this.#tells(clash.reason.kind === "columns" ? "" : clash.reason.column)) return;
    const named = { topic: this.#topic, id: writer.id };
    if (clash.reason.kind === "columns") {
      const { count } = clash.reason;
      log.warning(
        "{topic}: with schema {id} a file would have {count} columns: its records go into files of their own",
        { ...named, count },
      );
      return;
    }
    const { column, held, wanted } = clash.reason;
    log.warning(
      "{topic}: column {column} is {held} in schema {heldId} and {wanted} in schema {id}: no file can hold both, " +
        "so their records go into different files",
      {
        ...named,
        column,
        held: typeNamesOf(held).arrow,
        heldId: this.#ownerOf(line, writer, column),
        wanted: typeNamesOf(wanted).arrow,
      },
    );
  }

  /** The id of a schema in the line that alone would not go with the writer either. */
  #ownerOf(line: OpenLine, writer: WriterSchema, column: string): string {
    const owner = [...line.writers.values()].find(({ columns }) => {
      const alone = merge(columns, writer.type, this.#options);
      return alone instanceof Clash && alone.reason.kind === "types" && alone.reason.column === column;
    });
    return owner === undefined ? [...line.writers.keys()].join(", ") : String(owner.id);
  }
}

/** A writer of the line whose records would go into other columns once the line has this file. */
function movedBy(file: FileSchema, line: OpenLine): WriterSchema | undefined {
  if (file === line.file || !hasAliases(file)) return undefined;
  return [...line.writers.values()].find(({ columns }) => !keepsPlaces(line.file, file, columns));
}
