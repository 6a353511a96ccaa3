/** Whose dead letters lie in a folder that several archives may share, and whether they may be moved yet. Pure. */
import type { FooterContent } from "../parquet/mod.ts";
import type { Home } from "../sink/mod.ts";

/**
 * `ours`: free to be moved. `foreign`: of another archive. `publishing`: its checkpoint is committed and not published
 * to its end, so that whoever ends it would bring the file back.
 */
export type Ownership = "ours" | "foreign" | "publishing";

/**
 * @param homes what the archive's own hidden folders hold, read after the file was found: a copy of an archive may
 * have none, and takes all that it is told to.
 * @param links names that the file has: a second one may be that of a checkpoint.
 */
export function ownershipOf(
  { cluster, group, topic, checkpoint }: Pick<FooterContent, "cluster" | "group" | "topic" | "checkpoint">,
  { homes, links }: { readonly homes: readonly Home[]; readonly links: number },
): Ownership {
  if (homes.length === 0) return links > 1 ? "publishing" : "ours";
  const home = homes.find((one) => one.cluster === cluster && one.group === group);
  if (home === undefined) return "foreign";
  if (home.checkpoints.some(({ ref, isQuarantined }) => ref.id === checkpoint && !isQuarantined)) {
    return "publishing";
  }
  return home.topics.includes(topic) ? "ours" : "foreign";
}
