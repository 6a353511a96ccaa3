/** A program at work, as the supervisor tells of it; each test changes what it is about. */
import { NO_DURATIONS } from "../../src/durations.ts";
import type { Facts, Report, WorkerFacts } from "../../src/status/mod.ts";

export const ALL_WELL: Report["checks"] = { broker: null, registry: null, sink: null, group: null };

const STARTED_AT_MS = Date.UTC(2026, 0, 1, 8);

export function someWorker(changes: Partial<WorkerFacts> = {}): WorkerFacts {
  return { number: 1, dead: null, checks: ALL_WELL, isOver: false, ...changes };
}

export function someFacts(changes: Partial<Facts> = {}): Facts {
  return {
    version: "1.2.3",
    startedAtMs: STARTED_AT_MS,
    nowMs: STARTED_AT_MS + 300_000,
    state: "running",
    group: "4",
    topics: ["orders"],
    workers: [someWorker()],
    restarts: 0,
    rows: 2_400,
    files: 2,
    bytes: 2_048,
    deadLetterRecords: 3,
    skippedRecords: 1,
    bufferedRows: 17,
    process: { residentBytes: 1_000, cpuSeconds: 1.5 },
    ...changes,
    sums: {
      failures: { kafka: 0, registry: 2, write: 0, publish: 0 },
      deadLetters: { "no-header": 2, "bad-value": 1 },
      skipped: { tombstone: 1 },
      checkpoints: { prepare: NO_DURATIONS, commit: NO_DURATIONS, publish: NO_DURATIONS },
      rebalances: 1,
      bufferedBytes: 99,
      checkpointAtMs: STARTED_AT_MS + 290_000,
      partitions: [
        { topic: "orders", partition: 10, position: 5, committed: 5 },
        { topic: "orders", partition: 2, position: 40, committed: 30, logEnd: 42, lossSeconds: 600 },
      ],
      ...changes.sums,
    },
  };
}
