/** Whether the folders can take files, tried with one of a byte that is taken away again. */
import { resolve } from "node:path";
import type { CheckContext } from "./context.ts";
import { tryOut } from "../sink/mod.ts";
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
  for (const [tried, made] of Map.groupBy(trials, ({ tried }) => tried)) {
    const folders = made.map(({ folder }) => folder).join(" and ");
    const isThere = made.every(({ folder }) => folder === tried);
    notes.say(
      isThere ? `${folders} can be written to` : `${folders} can be made (tried in ${resolve(tried)})`,
    );
  }
  const freeBytes = trials[0]?.freeBytes;
  if (freeBytes === undefined) return;
  if (freeBytes < FREE_BYTES_MIN) {
    notes.warn(`only ${sizeText(freeBytes)} free`, "Free some space, or name a folder on a larger disk.");
  } else notes.say(`${sizeText(freeBytes)} free`);
}
