/**
 * The real archiver in its worker, which dies after its first files, in each of the ways once: by an uncaught error,
 * by ending silently, by hanging. Folders beside the output say which ways have been gone already.
 */
import type { Progress } from "../../src/archiver/messages.ts";
import { serveArchiver, type WorkerScope } from "../../src/archiver/worker_shell.ts";

export const DEATHS = ["throws", "exits", "hangs"] as const;

/** The folder that stands for a death in a run with this output folder. */
export function deathMark(output: string, death: typeof DEATHS[number]): string {
  return `${output}-${death}`;
}

function dieAfterFirstFiles(output: string, { files }: Progress): void {
  const death = files > 0 ? DEATHS.find((death) => claim(deathMark(output, death))) : undefined;
  if (death === "throws") setTimeout(() => Promise.reject(new RangeError("a fault of the test")));
  else if (death === "exits") Deno.exit(0);
  else if (death === "hangs") { for (;;); }
}

function claim(folder: string): boolean {
  try {
    Deno.mkdirSync(folder);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

if (
  typeof (globalThis as { DedicatedWorkerGlobalScope?: unknown }).DedicatedWorkerGlobalScope === "function"
) {
  serveArchiver(globalThis as unknown as WorkerScope, async () => {
    const { archive } = await import("../../src/archiver/archive.ts");
    return (config, context) =>
      archive(config, {
        ...context,
        progress(progress) {
          context.progress(progress);
          dieAfterFirstFiles(config.output, progress);
        },
      });
  });
}
