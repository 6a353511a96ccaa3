/** Records that cannot become rows: kept aside, skipped, or the end, as `--on-error` says. */
import { getLogger } from "@logtape/logtape";
import type { Config } from "../config.ts";
import { ExitCode, UserError } from "../errors.ts";
import { appendDeadLetter, type RecordAt } from "./dead_letters.ts";
import type { ErrorLimit } from "./error_limit.ts";
import type { OpenFile } from "./open_file.ts";
import type { Problem } from "./problem.ts";
import type { Totals } from "./totals.ts";

const log = getLogger(["kafka2parquet", "archiver"]);

export interface BadRecordsOptions {
  readonly topic: string;
  readonly onError: Config["onError"];
  /** Undefined where any number will do. */
  readonly limit: ErrorLimit | undefined;
  /** Where they are counted, and kept until it is closed. */
  readonly file: OpenFile;
  readonly totals: Totals;
}

export class BadRecords {
  readonly #options: BadRecordsOptions;
  #toldOfOtherFormats = false;

  constructor(options: BadRecordsOptions) {
    this.#options = options;
  }

  /** Counts records that are not bad: the share of bad ones is one of all. */
  passed(count: number): void {
    this.#options.limit?.good(count);
  }

  /** Counts a record of the partition that is left out on purpose. */
  skip(partition: number, reason: string): void {
    this.#options.file.countSkipped(partition, reason);
    this.#options.totals.skip(reason);
  }

  /** Keeps a bad record aside, or leaves it out. @throws UserError where it is one too many. */
  take(record: RecordAt, problem: Problem): void {
    const refusal = this.refusal(record, problem);
    if (refusal !== undefined) throw refusal;
    this.keep(record, problem);
  }

  /** Counts a bad record. @returns why the work ends before it, or undefined where it is to be kept. */
  refusal({ fetched, index }: Pick<RecordAt, "fetched" | "index">, { reason }: Pick<Problem, "reason">) {
    const { topic, onError, limit } = this.#options;
    const { partition, offsets } = fetched;
    const offset = offsets[index]!;
    const where = `${topic}[${partition}] offset ${offset} cannot be decoded`;
    if (onError === "stop") {
      return new UserError(`${where}: ${reason}`, {
        hint: "Start with --on-error dead-letter to keep such records aside.",
      });
    }
    const tooMany = limit?.bad(partition, offset);
    if (tooMany === undefined) return undefined;
    return new UserError(`${where}, and is one too many of ${topic} (${tooMany}): ${reason}`, {
      hint: "What is before it is saved. See what is wrong with the records; then start again, " +
        "with a higher --max-errors if they are to be left behind.",
      exitCode: ExitCode.deadLetters,
    });
  }

  /** Keeps a bad record that was counted. */
  keep(record: RecordAt, { kind, schemaId, reason }: Problem): void {
    const { topic, onError, file } = this.#options;
    const { partition, offsets } = record.fetched;
    const where = { topic, partition, offset: offsets[record.index]!, reason };
    if (onError === "skip") {
      if (kind === "not-avro") this.#tellOnce("is left out", reason);
      else log.warning("Skipped {topic}[{partition}] offset {offset}: {reason}", where);
      this.skip(partition, kind);
      return;
    }
    if (kind === "not-avro") this.#tellOnce("becomes a dead letter", reason);
    else log.warning("Dead letter: {topic}[{partition}] offset {offset}: {reason}", where);
    appendDeadLetter(file.columnsForDeadLetters(), record, { schemaId, reason });
    file.openedAtMs ??= performance.now();
    file.countDeadLetter(partition, kind);
  }

  /** A topic of another format has nothing but such records: one line says it, with what to do. */
  #tellOnce(fate: string, reason: string): void {
    if (this.#toldOfOtherFormats) return;
    this.#toldOfOtherFormats = true;
    log.warning(
      "{topic}: {reason}: each of its records {fate}. Only Avro is archived: leave the topic out if it holds nothing else",
      { topic: this.#options.topic, reason, fate },
    );
  }
}
