/** Reasons of dead letters, held against what a plain reader says of the same bytes. */
import assert from "node:assert/strict";
import type { Flaw, Reading } from "../../avro/support/plain_reader.ts";

/** The nesting at which a recursive value is given up; other readers do without a limit, or crash. */
const DEPTH_LIMIT = 1_000;
const EMPTY_ITEMS_LIMIT = 65_536;

/** What the words of a reason mean. */
const FLAWS: readonly (readonly [RegExp, Flaw])[] = [
  [/the record ends too early$/, "end"],
  [/a varint is too large$|varint is longer than 64 bits$|: int is -?\d+$/, "varint"],
  [/a length runs past the end of the record$|length -?\d+ runs past the end of the record$/, "length"],
  [/not UTF-8$/, "utf8"],
  [/no such branch in the union$|union branch is -?\d+: there are \d+$/, "branch"],
  [/the boolean is neither 0 nor 1$|boolean is \d+$/, "boolean"],
  [/no such symbol in the enum$|enum index is -?\d+: there are \d+$/, "symbol"],
  [/an item count runs past the end of the record$/, "items"],
  [/more than 65536 items without bytes$/, "empty items"],
  [/the size of a block does not match its items$/, "block size"],
  [/the decimal has more digits than its precision$/, "decimal"],
  [/^bytes are left over after the last field$/, "trailing"],
  [/nested deeper than 1000 levels$/, "depth"],
];

/** What our `reason` means. @throws {AssertionError} where a plain reader sees nothing of the kind in the message. */
export function checkReason(reason: string, reading: Reading, where: string): Flaw {
  const flaw = FLAWS.find(([words]) => words.test(reason))?.[1];
  assert.ok(
    flaw !== undefined && isLegitimate(flaw, reading),
    `"${reason}" for ${flawText(reading)}, ${where}`,
  );
  return flaw;
}

/** Whether our `flaw` is what a plain reader sees, or one of our limits that the message really exceeds. */
function isLegitimate(flaw: Flaw, { flaw: seen, isOverlong, emptyItems, depth }: Reading): boolean {
  // What is cut off may look like anything, as the bytes of the next message follow.
  if (seen === flaw || seen === "end") return true;
  switch (flaw) {
    case "varint":
      return isOverlong;
    case "empty items":
      return emptyItems > EMPTY_ITEMS_LIMIT;
    case "depth":
      return depth >= DEPTH_LIMIT;
    case "length":
      // The size of a block is a length, too.
      return seen === "block size";
    default:
      return false;
  }
}

export function flawText({ flaw, isOverlong, emptyItems, depth }: Reading): string {
  return `${flaw ?? "a value"} (overlong ${isOverlong}, empty items ${emptyItems}, depth ${depth})`;
}
