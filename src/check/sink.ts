/** Whether the folders can take files, tried with one of a byte that is taken away again. */
import { resolve } from "node:path";
import type { CheckContext } from "./context.ts";
import { type Trial, tryOut } from "../sink/mod.ts";
import { sizeText } from "../words.ts";
import type { Notes } from "./findings.ts";

/** With less than this room left, the disk is full soon. */
const FREE_BYTES_MIN = 2 ** 30;
/** Where the brokers cannot tell what the cluster is: no such folder is there. */
const CLUSTER_UNKNOWN = "unknown";

export async function checkSink(
  { config }: CheckContext,
  notes: Notes,
  cluster = CLUSTER_UNKNOWN,
): Promise<void> {
  const { output, deadLetter, group } = config;
  const trials = await tryOut({ output, alsoInto: [deadLetter], cluster, group });
  const there = trials.filter(({ folder, tried }) => folder === tried);
  if (there.length > 0) notes.say(`${foldersOf(there)} can be written to`);
  const missing = trials.filter(({ folder, tried }) => folder !== tried);
  for (const [tried, list] of Map.groupBy(missing, ({ tried }) => tried)) {
    notes.say(`${foldersOf(list)} can be made (tried in ${resolve(tried)})`);
  }
  const freeBytes = trials[0]?.freeBytes;
  if (freeBytes === undefined) return;
  if (freeBytes < FREE_BYTES_MIN) {
    notes.warn(`only ${sizeText(freeBytes)} free`, "Free some space, or name a folder on a larger disk.");
  } else notes.say(`${sizeText(freeBytes)} free`);
}

function foldersOf(trials: readonly Trial[]): string {
  return trials.map(({ folder }) => folder).join(" and ");
}
