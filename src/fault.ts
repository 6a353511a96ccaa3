/**
 * Fault points: named places at every arrow of the checkpoint protocol, where a test lets the program die, stand
 * still or meet a broken disk. `K2P_FAULT` arms them:
 *
 *     K2P_FAULT=after-commit:SIGKILL              at the first passing
 *     K2P_FAULT=file-synced:EIO@3,joined:delay=2s at the third passing; another one
 *     K2P_FAULT=before-publish:ENOSPC@2+          from the second passing on
 *
 * Passings are counted by worker thread. Never per record: every point lies on the way of a checkpoint or a session.
 */
import { ExitCode, UserError } from "./errors.ts";

export const FAULT_VARIABLE = "K2P_FAULT";

/** From a checkpoint's folder to its manifest, in this order. */
export const PREPARE_POINTS = [
  "folder-made",
  "before-write",
  "file-written",
  "file-synced",
  "manifest-written",
  "manifest-renamed",
  "folder-synced",
  "home-synced",
] as const;
/** From committed to nothing but published, in this order. */
export const PUBLISH_POINTS = [
  "before-publish",
  "file-linked",
  "final-synced",
  "file-unlinked",
  "topic-marked",
  "manifest-removed",
  "folder-removed",
] as const;
/** In the order in which a session and its checkpoints pass them. */
export const FAULT_POINTS = [
  // The start of a session.
  "joined",
  "before-judge",
  "before-judge-publish",
  "after-judge-publish",
  "before-judge-complete",
  "after-judge-complete",
  "before-judge-discard",
  "after-judge-discard",
  "before-judge-quarantine",
  "after-judge-quarantine",
  "offsets-read",
  "before-initial-commit",
  "after-initial-commit",
  "session-ready",
  ...PREPARE_POINTS,
  // Commit.
  "before-commit",
  "after-commit",
  "before-move-commit",
  "after-move-commit",
  ...PUBLISH_POINTS,
  // Discard, of what a write has failed for and of what was never committed.
  "discard-manifest-removed",
  // The end of a session.
  "before-revoke-flush",
  "after-revoke-flush",
  "before-leave",
  "after-leave",
] as const;
/** Of `redrive`, in the order in which it passes them; `file-linked` comes by once for each file that is published. */
export const REDRIVE_POINTS = [
  // Prepare.
  "redrive-folder-made",
  "redrive-file-written",
  "redrive-manifest-written",
  "redrive-prepared",
  // Commit.
  "redrive-committed",
  "redrive-commit-synced",
  // Publish.
  "redrive-published",
  "redrive-files-removed",
  "redrive-source-removed",
  "redrive-manifest-removed",
  "redrive-folder-removed",
  // Of what was not committed.
  "redrive-discarding",
] as const;
const ALL_POINTS = [...FAULT_POINTS, ...REDRIVE_POINTS] as const;
export type FaultPoint = typeof ALL_POINTS[number];

const SIGNALS = ["SIGKILL", "SIGSTOP"] as const;
/** Text and number of the operating system's errors, which Deno gives as plain errors with a code. */
const ERRORS = {
  ENOSPC: ["No space left on device", 28],
  EIO: ["Input/output error", 5],
  EXDEV: ["Invalid cross-device link", 18],
  EROFS: ["Read-only file system", 30],
} as const;
/** For so long a thread that has sent SIGSTOP waits for it to arrive; it goes on only after SIGCONT. */
const STOP_ARRIVES_MS = 100;

type Fault =
  | { readonly kind: "signal"; readonly signal: typeof SIGNALS[number] }
  | { readonly kind: "error"; readonly code: keyof typeof ERRORS }
  | { readonly kind: "delay"; readonly ms: number };

interface ArmedFault {
  /** As the variable has it. */
  readonly text: string;
  readonly point: FaultPoint;
  readonly fault: Fault;
  /** The passing at which it happens, counted from 1. */
  readonly passing: number;
  /** Also at every later one. */
  readonly isRepeated: boolean;
}

let armed: readonly ArmedFault[] | undefined;
const passings = new Map<FaultPoint, number>();

/**
 * Arms what the variable's text says, and counts passings from 0; undefined disarms.
 *
 * @throws UserError for a point or a fault that is not known, and where the program may not send signals.
 */
export function armFaults(text: string | undefined): void {
  armed = text ? text.split(",").map(parseFault) : undefined;
  passings.clear();
  const signal = armed?.find(({ fault }) => fault.kind === "signal");
  if (signal !== undefined && Deno.permissions.querySync({ name: "run" }).state !== "granted") {
    throw new UserError(
      `${FAULT_VARIABLE} wants to send a signal ("${signal.text}"), which is not permitted`,
      {
        hint: "Run the program from source with deno run -A: the binary may not signal itself.",
        exitCode: ExitCode.config,
      },
    );
  }
}

/** Does what is armed for this point; to be awaited. Costs one comparison where nothing is armed. */
export function faultPoint(point: FaultPoint): Promise<void> | undefined {
  return armed === undefined ? undefined : pass(point, armed);
}

async function pass(point: FaultPoint, faults: readonly ArmedFault[]): Promise<void> {
  const passing = (passings.get(point) ?? 0) + 1;
  passings.set(point, passing);
  for (const one of faults) {
    if (one.point !== point) continue;
    if (one.isRepeated ? passing < one.passing : passing !== one.passing) continue;
    // Past the log, which a signal would cut off.
    Deno.stderr.writeSync(new TextEncoder().encode(`fault: ${point} ${wordOf(one.fault)}\n`));
    await happen(one.fault);
  }
}

async function happen(fault: Fault): Promise<void> {
  switch (fault.kind) {
    case "signal":
      Deno.kill(Deno.pid, fault.signal);
      // Another thread may be the one that takes the signal: this one must not get any further meanwhile.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STOP_ARRIVES_MS);
      return;
    case "delay":
      await new Promise((resolve) => setTimeout(resolve, fault.ms));
      return;
    case "error": {
      const [message, errno] = ERRORS[fault.code];
      throw Object.assign(new Error(`${message} (os error ${errno})`), { code: fault.code });
    }
  }
}

function wordOf(fault: Fault): string {
  switch (fault.kind) {
    case "signal":
      return fault.signal;
    case "error":
      return fault.code;
    case "delay":
      return `delay=${fault.ms}ms`;
  }
}

function parseFault(text: string): ArmedFault {
  const match = /^\s*([^:@\s]+):([^@\s]+?)(?:@([1-9]\d{0,8})(\+)?)?\s*$/.exec(text);
  if (match === null) {
    throw refusal(`${FAULT_VARIABLE}: "${text}" is not <point>:<fault>, with @<n> or @<n>+ behind it`);
  }
  const [, name, what, passing, repeated] = match;
  const point = ALL_POINTS.find((one) => one === name);
  if (point === undefined) throw refusal(`${FAULT_VARIABLE}: there is no fault point "${name}"`);
  const fault = parseWhat(what!);
  if (fault === undefined) throw refusal(`${FAULT_VARIABLE}: there is no fault "${what}"`);
  return {
    text: text.trim(),
    point,
    fault,
    passing: Number(passing ?? 1),
    isRepeated: repeated !== undefined,
  };
}

function parseWhat(what: string): Fault | undefined {
  const signal = SIGNALS.find((one) => one === what);
  if (signal !== undefined) return { kind: "signal", signal };
  if (Object.hasOwn(ERRORS, what)) return { kind: "error", code: what as keyof typeof ERRORS };
  const delay = /^delay=(\d{1,6})(ms|s)$/.exec(what);
  if (delay !== null) return { kind: "delay", ms: Number(delay[1]) * (delay[2] === "s" ? 1000 : 1) };
  return undefined;
}

function refusal(message: string): UserError {
  return new UserError(message, {
    hint: `Points: ${ALL_POINTS.join(", ")}. Faults: ${SIGNALS.join(", ")}, ${
      Object.keys(ERRORS).join(", ")
    }, delay=2s.`,
    exitCode: ExitCode.config,
  });
}
