/** Records that cannot become rows: kept aside, skipped, or the end, as `--on-error` says. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../config.ts";
import { UserError } from "../errors.ts";
import { appendDeadLetter, type RecordAt } from "./dead_letters.ts";
import type { OpenFile } from "./open_file.ts";
import type { Totals } from "./totals.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

/** Why a record cannot become a row. */
export interface Problem {
  /** As footers count it. */
  readonly kind: "no-header" | "no-schema" | "bad-value";
  readonly schemaId: number | undefined;
  /** For a person. */
  readonly reason: string;
}

export interface BadRecordsOptions {
  readonly topic: string;
  readonly onError: Config["onError"];
  /** Where they are counted, and kept until it is closed. */
  readonly file: OpenFile;
  readonly totals: Totals;
}

export class BadRecords {
  readonly #options: BadRecordsOptions;

  constructor(options: BadRecordsOptions) {
    this.#options = options;
  }

  /** Counts a record of the partition that is left out on purpose. */
  skip(partition: number, reason: string): void {
    this.#options.file.countSkipped(partition, reason);
    this.#options.totals.skipped++;
    this.#options.totals.vitals.skipped(reason);
  }

  /** @throws UserError under `--on-error stop`. */
  take(record: RecordAt, { kind, schemaId, reason }: Problem): void {
    const { topic, onError, file } = this.#options;
    const { partition, offsets } = record.fetched;
    const where = { topic, partition, offset: offsets[record.index]!, reason };
    switch (onError) {
      case "stop":
        throw new UserError(`${topic}[${partition}] offset ${where.offset} cannot be decoded: ${reason}`, {
          hint: "Start with --on-error dead-letter to keep such records aside.",
        });
      case "skip":
        log.warning("Skipped {topic}[{partition}] offset {offset}: {reason}", where);
        this.skip(partition, kind);
        return;
      case "dead-letter":
        log.warning("Dead letter: {topic}[{partition}] offset {offset}: {reason}", where);
        appendDeadLetter(file.columnsForDeadLetters(), record, { schemaId, reason });
        file.openedAtMs ??= performance.now();
        file.countDeadLetter(partition, kind);
    }
  }
}
