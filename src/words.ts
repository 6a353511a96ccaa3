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

/** `90 s`, `42 min`, `7 h` or `3 d`, rounded down. */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
