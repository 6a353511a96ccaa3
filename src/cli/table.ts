/** Tables for a terminal: columns as wide as their longest cell, cut where a line would be wider than the screen. */

const GAP = "  ";
/** No column is cut shorter; a line that does not fit even so is cut at its end. */
const COLUMN_WIDTH_MIN = 6;
/** A value that is cut shorter says nothing. */
const VALUE_WIDTH_MIN = 16;
/** Data must not move the reader's cursor, forge a line or turn the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const WIDE_LETTER =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;
const NO_WIDTH_LETTER = /[\p{Mn}\p{Me}\p{Cf}]/u;

export interface TableOptions {
  /** Cells of the terminal that a line may take. */
  readonly width: number;
  /** Numbers of the columns whose cells stand at the right. */
  readonly right?: readonly number[];
  /** Numbers of the columns that are cut only where cutting all others is not enough. */
  readonly whole?: readonly number[];
}

/** A cell that is clean, as its letters and the terminal cells that they take. */
interface Cell {
  readonly letters: readonly string[];
  readonly width: number;
}

/** A table that comes in pieces: later ones keep to the widths of earlier ones, or grow. */
export class GrowingTable {
  readonly #options: TableOptions;
  #natural: readonly number[] = [];

  constructor(options: TableOptions) {
    this.#options = options;
  }

  /** The next lines. Where there is too little room the widest columns are cut. */
  format(lines: readonly (readonly string[])[]): string[] {
    const { width, right = [], whole = [] } = this.#options;
    const cells = lines.map((line) => line.map(cellOf));
    this.#natural = naturalWidths(cells, this.#natural);
    const widths = fitWidths(this.#natural, { width, whole });
    return cells.map((line) => {
      const fitted = line.map((cell, column) => fit(cell, widths[column]!, right.includes(column)));
      return fit(cellOf(fitted.join(GAP)), Math.min(width, lineWidth(widths))).trimEnd();
    });
  }
}

/** Lines of a whole table, the first of which is its header. */
export function formatTable(table: readonly (readonly string[])[], options: TableOptions): string[] {
  return new GrowingTable(options).format(table);
}

/**
 * A table of values in as many blocks as it needs to show all of them on the screen.
 *
 * @param titles Of the leading columns and then of each column of values.
 * @param lines The leading columns and then the values.
 */
export function formatBlocks(
  { titles, lines, leading }: {
    readonly titles: readonly string[];
    readonly lines: readonly (readonly string[])[];
    readonly leading: number;
  },
  { width }: { width: number },
): string[][] {
  const count = titles.length - leading;
  const perBlock = valuesThatFit([titles, ...lines], { leading, width });
  const blocks: string[][] = [];
  for (let from = leading; from < leading + Math.max(1, count); from += perBlock) {
    const part = (
      line: readonly string[],
    ) => [...line.slice(0, leading), ...line.slice(from, from + perBlock)];
    blocks.push(formatTable([titles, ...lines].map(part), { width, whole: [0] }));
  }
  return blocks;
}

/** Values beside the leading columns that fit, spread evenly over the blocks. */
function valuesThatFit(
  table: readonly (readonly string[])[],
  { leading, width }: { leading: number; width: number },
): number {
  const natural = naturalWidths(table.map((line) => line.map(cellOf)));
  if (lineWidth(natural) <= width) return Math.max(1, natural.length - leading);
  const room = width - lineWidth(fitWidths(natural.slice(0, leading), { width: width / 2 }));
  const most = Math.max(1, Math.floor(room / (VALUE_WIDTH_MIN + GAP.length)));
  const blocks = Math.ceil((natural.length - leading) / most);
  return Math.max(1, Math.ceil((natural.length - leading) / blocks));
}

/** Whether the table fits without a cut. */
export function fitsWhole(table: readonly (readonly string[])[], width: number): boolean {
  return lineWidth(naturalWidths(table.map((line) => line.map(cellOf)))) <= width;
}

/** Text of one line without what would leave it. */
export function cleanLine(text: string): string {
  return text.replaceAll(UNPRINTABLE, " ");
}

function cellOf(text: string): Cell {
  const letters = Array.from(cleanLine(text));
  return { letters, width: letters.reduce((sum, letter) => sum + letterWidth(letter), 0) };
}

/** Terminal cells: ideographs and most emoji take two, accents that are letters of their own take none. */
function letterWidth(letter: string): number {
  if (letter < "\x7f") return 1;
  if (NO_WIDTH_LETTER.test(letter)) return 0;
  return WIDE_LETTER.test(letter) ? 2 : 1;
}

/** The widest cell of each column, and no less than in `before`. */
function naturalWidths(cells: readonly (readonly Cell[])[], before: readonly number[] = []): number[] {
  const columns = cells.reduce((most, line) => Math.max(most, line.length), before.length);
  return Array.from(
    { length: columns },
    (_, column) =>
      cells.reduce((widest, line) => Math.max(widest, line[column]?.width ?? 0), before[column] ?? 0),
  );
}

function lineWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1);
}

/** The widths, of which the largest are cut down to the same size until the line fits. */
function fitWidths(
  natural: readonly number[],
  { width, whole = [] }: { width: number; whole?: readonly number[] },
): number[] {
  let limit = natural.reduce((widest, one) => Math.max(widest, one), 0);
  const cut = () => natural.map((one, column) => whole.includes(column) ? one : Math.min(one, limit));
  if (limit > width) limit = width;
  while (limit > COLUMN_WIDTH_MIN && lineWidth(cut()) > width) limit--;
  const widths = cut();
  if (whole.length > 0 && lineWidth(widths) > width) return fitWidths(widths, { width });
  // What the last step took too much goes to the first columns that have use for it.
  for (let column = 0; column < widths.length && lineWidth(widths) < width; column++) {
    if (widths[column]! < natural[column]!) widths[column]! += 1;
  }
  return widths;
}

function fit(cell: Cell, width: number, atRight = false): string {
  const text = cell.letters.join("");
  if (cell.width <= width) {
    const rest = " ".repeat(width - cell.width);
    return atRight ? rest + text : text + rest;
  }
  let kept = "";
  let used = 0;
  for (const letter of cell.letters) {
    const more = letterWidth(letter);
    if (used + more > width - 1) break;
    kept += letter;
    used += more;
  }
  return `${kept}…${" ".repeat(Math.max(0, width - used - 1))}`;
}
