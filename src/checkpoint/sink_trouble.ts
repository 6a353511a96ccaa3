/** What follows for a topic when the sink fails: it is told, tried again or the end, and told when it works again. */
import { getLogger } from "@logtape/logtape";
import { messageOf, UserError } from "../errors.ts";
import { problemLine } from "../sink/mod.ts";
import { Trouble } from "../trouble.ts";
import { withBackoff } from "../wait.ts";

const log = getLogger(["kafka2parquet", "checkpoint"]);

const TEMPLATES = {
  write: "Cannot write files of {topic}",
  publish: "Files of {topic} are committed but cannot be moved to their place",
} as const;
export type SinkWork = keyof typeof TEMPLATES;

/** What stands in the way of the sink's works, of all topics. */
export type SinkTroubles = Readonly<Record<SinkWork, Trouble>>;

export function noSinkTroubles(): SinkTroubles {
  return { write: new Trouble(), publish: new Trouble() };
}

export class SinkTrouble {
  readonly #topic: string;
  readonly #all: SinkTroubles;
  readonly #onSinkError: "retry" | "stop";
  /** The sink has failed, and not worked since. */
  #isTroubled = false;

  constructor(topic: string, onSinkError: "retry" | "stop", all: SinkTroubles = noSinkTroubles()) {
    this.#topic = topic;
    this.#all = all;
    this.#onSinkError = onSinkError;
  }

  /** Logs a failure after which it is tried again; under `stop` nothing is. */
  tell(work: SinkWork, error: unknown): void {
    if (this.#onSinkError === "stop") return;
    this.#isTroubled = true;
    this.#all[work].failed(this.#topic, problemLine(error));
    log.error(`${TEMPLATES[work]}, trying again: {reason}`, {
      topic: this.#topic,
      reason: problemLine(error),
    });
  }

  /**
   * What the attempt gives, tried again while the signal allows it where `on-sink-error` says so.
   *
   * @returns undefined where the signal ended the trying.
   * @throws UserError at the first failure under `stop`.
   */
  async overcome<T>(
    work: SinkWork,
    attempt: () => Promise<T>,
    { signal, onError }: { signal: AbortSignal; onError: (error: unknown) => void },
  ): Promise<T | undefined> {
    const result = await withBackoff(attempt, {
      signal,
      isFinal: () => this.#onSinkError === "stop",
      onError,
    }).catch((cause) => {
      const hint = cause instanceof UserError ? cause.hint : undefined;
      const what = TEMPLATES[work].replace("{topic}", () => this.#topic);
      throw new UserError(`${what}: ${messageOf(cause)}`, { cause, ...(hint !== undefined && { hint }) });
    });
    if (this.#isTroubled && result !== undefined) {
      this.#isTroubled = false;
      for (const trouble of Object.values(this.#all)) trouble.over(this.#topic);
      log.info("Files of {topic} are written again", { topic: this.#topic, recovered: true });
    }
    return result;
  }
}
