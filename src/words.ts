/** Numbers in the words of people. */

const KIB = 1024;

/** `file` for one, else `files`: the number itself is for the template or table around it. */
export function noun(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}

/** `97.1 KiB` of a number of bytes. */
export function sizeText(bytes: number): string {
  let size = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (size < KIB) return unit === "B" ? `${size} B` : `${size.toFixed(1)} ${unit}`;
    size /= KIB;
  }
  return `${size.toFixed(1)} TiB`;
}
