/** Tables of the README, for tests that hold them to what the program does. */
import { ROOT } from "./paths.ts";

/** The lines of the table whose first column has this header, below its head: the cells as they are written. */
export async function readmeTable(header: string): Promise<string[][]> {
  const lines = (await Deno.readTextFile(`${ROOT}/README.md`)).split("\n");
  const head = lines.findIndex((line) => cellsOf(line)[0] === header);
  if (head < 0) throw new Error(`The README has no table with the column ${header}`);
  const below = lines.slice(head + 2);
  const end = below.findIndex((line) => !line.startsWith("|"));
  return below.slice(0, end < 0 ? below.length : end).map(cellsOf);
}

/** Texts between marks of code. */
export function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}

/** A type as a table has it, which stands for any size, precision, scale and type of items. */
export function anySize(type: string): string {
  return type
    .replace(/^list<.*>$/, "list<T>")
    .replace(/^map<utf8, .*>$/, "map<utf8, T>")
    .replace(/\((\d+|p), (\d+|s)\)$/, "(p, s)")
    .replace(/([[(])\d+([\])])/, "$1n$2");
}

function cellsOf(line: string): string[] {
  return line.startsWith("|") ? line.split("|").slice(1, -1).map((cell) => cell.trim()) : [];
}
