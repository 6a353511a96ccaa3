/** What an archiver knows of its own state, for health checks and metrics: noted as it goes, and told as a report. */
import { type CheckpointStage, noSinkTroubles, type SinkTroubles } from "../checkpoint/mod.ts";
import { NO_DURATIONS, withDuration } from "../durations.ts";
import type { Counts, Report } from "../status/mod.ts";
import { Trouble } from "../trouble.ts";

/** What only the present session knows. */
export type SessionReport = Pick<Report, "partitions" | "bufferedBytes">;

/** Told as long as nothing better is known. */
const NOT_YET = { broker: "not connected yet", registry: "not asked yet", group: "not joined yet" } as const;

export class Vitals {
  readonly kafka = new Trouble();
  readonly registry = new Trouble();
  readonly sink: SinkTroubles = noSinkTroubles();
  readonly #reached = { broker: false, registry: false };
  readonly #deadLetters: Record<string, number> = {};
  readonly #skipped: Record<string, number> = {};
  readonly #checkpoints = { prepare: NO_DURATIONS, commit: NO_DURATIONS, publish: NO_DURATIONS };
  #joins = 0;
  #checkpointAtMs: number | undefined;

  /** It has answered for the first time. */
  reached(what: "broker" | "registry"): void {
    this.#reached[what] = true;
  }

  joined(): void {
    this.#joins++;
  }

  /** Dead letters whose offsets are committed, by reason. */
  deadLetters(reasons: Counts): void {
    for (const [reason, count] of Object.entries(reasons)) add(this.#deadLetters, reason, count);
  }

  skipped(reason: string): void {
    add(this.#skipped, reason, 1);
  }

  /** A checkpoint has come through a stage at `nowMs` since the epoch. */
  stage(stage: CheckpointStage, ms: number, nowMs: number): void {
    this.#checkpoints[stage] = withDuration(this.#checkpoints[stage], ms / 1_000);
    if (stage === "commit") this.#checkpointAtMs = nowMs;
  }

  /** @param session undefined while there is none */
  report(session: SessionReport | undefined): Report {
    const { kafka, registry, sink } = this;
    return {
      checks: {
        broker: kafka.reason ?? (this.#reached.broker ? null : NOT_YET.broker),
        registry: registry.reason ?? (this.#reached.registry ? null : NOT_YET.registry),
        sink: sink.write.reason ?? sink.publish.reason ?? null,
        group: session !== undefined ? null : this.#joins === 0 ? NOT_YET.group : "joining again",
      },
      failures: {
        kafka: kafka.count,
        registry: registry.count,
        write: sink.write.count,
        publish: sink.publish.count,
      },
      deadLetters: { ...this.#deadLetters },
      skipped: { ...this.#skipped },
      checkpoints: { ...this.#checkpoints },
      rebalances: Math.max(0, this.#joins - 1),
      ...(this.#checkpointAtMs !== undefined && { checkpointAtMs: this.#checkpointAtMs }),
      ...session ?? { partitions: [], bufferedBytes: 0 },
    };
  }
}

function add(counts: Record<string, number>, reason: string, count: number): void {
  counts[reason] = (counts[reason] ?? 0) + count;
}
