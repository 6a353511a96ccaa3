/** Finding the name that somebody meant, for errors about an unknown flag, key, variable or topic. */

/** More edits than this are another word, not a typing mistake. */
const EDITS_MAX = 3;
/** Of the longer word's letters, this share must agree. */
const SIMILARITY_MIN = 0.5;
/** Longer words are not compared: the distance costs the product of both lengths. */
const LENGTH_MAX = 256;

/**
 * The candidate that `word` begins, if it is the only one, or else the one with the fewest edits; `undefined` where
 * none is close. Letter case counts little. What all candidates begin with, such as dashes, is best left out: it would
 * make each of them look similar.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase();
  const begun = candidates.filter((candidate) => candidate.toLowerCase().startsWith(wanted));
  if (wanted !== "" && begun.length === 1) return begun[0];
  let best: string | undefined;
  let bestEdits = EDITS_MAX + 1;
  for (const candidate of candidates) {
    const edits = editDistance(wanted, candidate.toLowerCase());
    const longer = Math.max(word.length, candidate.length);
    if (edits >= bestEdits || (longer - edits) / longer < SIMILARITY_MIN) continue;
    best = candidate;
    bestEdits = edits;
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  if (a.length > LENGTH_MAX || b.length > LENGTH_MAX) return Infinity;
  if (Math.abs(a.length - b.length) > EDITS_MAX) return Infinity;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, beforeLast[j - 2]! + 1);
      }
      row.push(edits);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
