/** Whether something is there, also below the root of another process, which may end meanwhile. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
