/** Checkpoints in quarantine: told of, and dropped once visible files hold all that they hold. */
import { getLogger } from "@logtape/logtape";
import type { PreparedCheckpoint, Sink } from "../sink/mod.ts";
import { describeRanges, noun } from "../words.ts";
import { archivedRanges, isCovered, type Owner } from "./archive_positions.ts";
import { keyOf } from "./recovery.ts";

const log = getLogger(["kafka2parquet", "recovery"]);

/**
 * Looks whether what is in quarantine has come into visible files meanwhile: after an offset that was set back, for
 * one. Reads the footers of all files, if anything is in quarantine. Ends early when the signal aborts.
 *
 * @throws SinkError
 */
export async function sweepQuarantine(
  sink: Sink,
  { cluster, group, signal }: Owner & { readonly signal: AbortSignal },
): Promise<void> {
  const found = await sink.quarantined();
  if (found.length === 0) return;
  const archived = await archivedRanges(sink, { cluster, group, skipDamaged: true, signal });
  if (signal.aborted) return;
  const kept: PreparedCheckpoint[] = [];
  for (const checkpoint of found) {
    const { ref, manifest } = checkpoint;
    // One without a manifest was being dropped when the program died.
    const isHeld = typeof manifest === "string"
      ? manifest === "none"
      : manifest.ranges.every((range) => isCovered(range, archived.get(keyOf(range)) ?? []));
    if (!isHeld) {
      kept.push(checkpoint);
      continue;
    }
    await sink.dropQuarantined(ref);
    log.info("Dropped checkpoint {checkpoint} from quarantine: visible files hold {ranges}", {
      checkpoint: ref.id.slice(0, 8),
      ranges: describeRanges(rangesOf(checkpoint)),
    });
  }
  if (kept.length === 0) return;
  log.warning(
    `{count} ${noun(kept.length, "checkpoint")} in quarantine, of which nothing tells whether it was ` +
      "committed: {ranges}. It is dropped once visible files hold these offsets.",
    { count: kept.length, ranges: describeRanges(kept.flatMap(rangesOf)) || "unknown offsets" },
  );
}

function rangesOf({ manifest }: PreparedCheckpoint) {
  return typeof manifest === "string" ? [] : manifest.ranges;
}
