/** Whether our clock goes with those of the servers; the registry is the one that tells the time. */
import type { Notes } from "./findings.ts";

const SKEW_MS_MAX = 30_000;

export function checkClock(aheadMs: number, notes: Notes): void {
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  // The answer has whole seconds, and takes its time.
  if (seconds <= 1) return notes.say("within a second of the registry's");
  const what = `${seconds} s ${aheadMs > 0 ? "behind" : "ahead of"} the registry's`;
  if (Math.abs(aheadMs) <= SKEW_MS_MAX) return notes.say(what);
  notes.warn(
    `our clock is ${what}`,
    "Set both by NTP: how soon Kafka deletes records, and which certificates are valid, is judged by our clock.",
  );
}
