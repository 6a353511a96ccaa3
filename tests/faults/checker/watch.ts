/** Looks at an archive while it grows: what is visible must have been committed before it was. */
import { messageOf } from "../../../src/errors.ts";
import { openOffsets } from "./committed.ts";
import { type FileFooter, readFileFooter, visibleFiles } from "./footers.ts";
import { type RangeProblem, uncommitted } from "./ranges.ts";

export interface WatchOptions {
  readonly brokers: string;
  /** Several, where no two of them read the same topic. */
  readonly groups: readonly string[];
  /** Data and dead-letter folders, asked for at each look: there may be more of them later. */
  folders(): readonly string[];
  /** Between two looks; 100 ms by default. */
  readonly everyMs?: number;
  /** Called after each look with the number of files seen so far. */
  onLook?(files: number): void;
  /** Ends the watch, after one last look. */
  readonly stop: AbortSignal;
}

export interface WatchResult {
  readonly files: number;
  readonly looks: number;
  readonly problems: readonly RangeProblem[];
}

const EVERY_MS = 100;

/**
 * Watches until `stop`. A file is seen first, then the committed offsets are read: they may only have grown meanwhile,
 * so that a file without its offset was certainly visible too early.
 */
export async function watch(options: WatchOptions): Promise<WatchResult> {
  await using offsets = await openOffsets(options.brokers, options.groups);
  const seen = new Set<string>();
  const problems: RangeProblem[] = [];
  let looks = 0;
  for (let isLast = false; !isLast;) {
    isLast = options.stop.aborted;
    const footers = newFooters(options.folders(), seen, problems);
    const topics = new Set(footers.flatMap(({ ranges }) => ranges.map(({ topic }) => topic)));
    if (topics.size > 0) {
      // Brokers may be away for longer than one attempt waits; what was seen is still to be judged.
      const committed = await untilItWorks(() => offsets.read([...topics]), options.stop);
      problems.push(...uncommitted(footers, committed));
    }
    looks++;
    options.onLook?.(seen.size);
    if (!isLast) await pause(options.everyMs ?? EVERY_MS, options.stop);
  }
  return { files: seen.size, looks, problems };
}

function newFooters(folders: readonly string[], seen: Set<string>, problems: RangeProblem[]): FileFooter[] {
  const footers: FileFooter[] = [];
  for (const path of folders.flatMap(visibleFiles)) {
    if (seen.has(path)) continue;
    seen.add(path);
    try {
      footers.push(readFileFooter(path));
    } catch (error) {
      problems.push({ kind: "uncommitted_visible", detail: `${path} is no whole file: ${messageOf(error)}` });
    }
  }
  return footers;
}

const RETRY_MS = 500;
/** After the end of the watch, brokers must answer within so many attempts. */
const LAST_ATTEMPTS_MAX = 5;

async function untilItWorks<T>(attempt: () => Promise<T>, stop: AbortSignal): Promise<T> {
  for (let last = 0;;) {
    try {
      return await attempt();
    } catch (error) {
      if (stop.aborted && ++last >= LAST_ATTEMPTS_MAX) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
    if (stop.aborted) end();
  });
}
