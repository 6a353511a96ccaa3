/**
 * What happens in a chaos run, and in which order: a pure function of the seed. When it happens follows the archive's
 * growth, so that every blow falls while files are being made.
 */
import { type Random, seededRandom } from "../../dev/random.ts";
import { type FaultPoint, PREPARE_POINTS, PUBLISH_POINTS } from "../../src/fault.ts";
import type { CommitFate } from "./commits.ts";

/** When a step is due: so many files after the one before, or so much time. */
export interface Due {
  readonly files: number;
  readonly atMostMs: number;
}

export type Action =
  /** SIGKILL of a consumer. */
  | { readonly kind: "kill"; readonly slot: number }
  /** SIGTERM: it leaves, and somebody joins in its place. */
  | { readonly kind: "leave"; readonly slot: number; readonly awayMs: number }
  /** SIGSTOP, and SIGCONT. */
  | { readonly kind: "stop"; readonly slot: number; readonly forMs: number }
  /** The next commits through the proxy meet these fates. */
  | { readonly kind: "commits"; readonly fates: readonly CommitFate[] }
  | { readonly kind: "broker-kill"; readonly broker: number; readonly downMs: number }
  | { readonly kind: "broker-stop"; readonly broker: number; readonly forMs: number }
  | { readonly kind: "registry-restart"; readonly downMs: number }
  /** The disk of one consumer has no byte left. */
  | { readonly kind: "disk-full"; readonly forMs: number };
export type ActionKind = Action["kind"];

export interface Step {
  readonly due: Due;
  readonly action: Action;
}

export interface ScheduleOptions {
  readonly slots: number;
  readonly brokers: number;
}

/** What takes a server away for seconds is rare, or nothing would ever be written. */
const WEIGHTS: Readonly<Record<ActionKind, number>> = {
  "kill": 40,
  "leave": 8,
  "stop": 12,
  "commits": 24,
  "broker-kill": 5,
  "broker-stop": 2,
  "registry-restart": 2,
  "disk-full": 7,
};

/**
 * The arrows that a consumer passes with each checkpoint. The others, at the start and the end of sessions, are chosen
 * less often: one that dies there has written nothing.
 */
const WORK: readonly FaultPoint[] = [...PREPARE_POINTS, "before-commit", "after-commit", ...PUBLISH_POINTS];
const WORK_CHANCE = 0.7;
/** Passings before the fault; a checkpoint of several files passes some arrows several times. */
const PASSINGS_MAX = 6;

/** The steps of a run, without end. */
export function* steps(seed: number, options: ScheduleOptions): Generator<Step, never> {
  const random = seededRandom(seed);
  for (;;) {
    const due = { files: random.below(40), atMostMs: 1_000 + random.below(7_000) };
    yield { due, action: actionOf(pickKind(random), random, options) };
  }
}

function pickKind(random: Random): ActionKind {
  const kinds = Object.entries(WEIGHTS) as [ActionKind, number][];
  let left = random.below(kinds.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight] of kinds) {
    if (left < weight) return kind;
    left -= weight;
  }
  return "kill";
}

function actionOf(kind: ActionKind, random: Random, { slots, brokers }: ScheduleOptions): Action {
  switch (kind) {
    case "kill":
      return { kind, slot: random.below(slots) };
    case "leave":
      return { kind, slot: random.below(slots), awayMs: random.below(4_000) };
    case "stop":
      // Shorter and longer than the session timeout.
      return { kind, slot: random.below(slots), forMs: 200 + random.below(7_000) };
    case "commits":
      return { kind, fates: Array.from({ length: 1 + random.below(FATES_MAX) }, () => fateOf(random)) };
    case "broker-kill":
      return { kind, broker: random.below(brokers), downMs: random.below(5_000) };
    case "broker-stop":
      return { kind, broker: random.below(brokers), forMs: 500 + random.below(5_000) };
    case "registry-restart":
      return { kind, downMs: random.below(4_000) };
    case "disk-full":
      return { kind, forMs: 500 + random.below(5_000) };
  }
}

/** Several in a row: the first repetition of a commit may be as unlucky. */
const FATES_MAX = 6;
/** An answer that is lost is the harder half: the commit is stored, and its maker does not know. */
const FATES = [
  "lose",
  "mute",
  "mute",
  "break",
  "break-answer",
  "break-answer",
  "twice",
  "hold",
  "late",
  "late",
] as const;

function fateOf(random: Random): CommitFate {
  return { kind: random.pick(FATES), ms: random.below(9_000) };
}

/** How a consumer is started for the n-th time. */
export interface Start {
  readonly rows: number;
  readonly ageMs: number;
  readonly workers: number;
  readonly sessionTimeoutMs: number;
  /** For `K2P_FAULT`. */
  readonly fault: { readonly point: FaultPoint; readonly what: string; readonly passing: number } | undefined;
  /** How long the place stays empty before. */
  readonly delayMs: number;
  /** SIGCONT comes so long after a fault has stopped it. */
  readonly stoppedMs: number;
}

export interface StartOptions {
  readonly slot: number;
  /** Counted from 0. */
  readonly index: number;
  readonly points: readonly FaultPoint[];
}

/** Spreads the seeds of slots and starts over the generator's whole range. */
const SLOT_STEP = 0x9e3779b1;
const START_STEP = 0x85ebca6b;

export function startOf(seed: number, { slot, index, points }: StartOptions): Start {
  const random = seededRandom(seed ^ Math.imul(slot + 1, SLOT_STEP) ^ Math.imul(index + 1, START_STEP));
  return {
    rows: random.pick([10, 40, 200]),
    ageMs: random.pick([200, 400, 1_000]),
    workers: random.pick([1, 1, 1, 2]),
    sessionTimeoutMs: random.pick([3_000, 3_000, 3_000, 5_000]),
    fault: faultOf(random, points),
    delayMs: random.pick([0, 0, 300, 2_000]),
    stoppedMs: 500 + random.below(7_000),
  };
}

const FAULTS = [
  "none",
  "SIGKILL",
  "SIGKILL",
  "SIGKILL",
  "SIGKILL",
  "SIGKILL",
  "SIGSTOP",
  "ENOSPC",
  "EIO",
  "delay=2s",
] as const;

function faultOf(random: Random, points: readonly FaultPoint[]): Start["fault"] {
  const what = random.pick(FAULTS);
  const point = random.pick(random.chance(WORK_CHANCE) ? WORK : points);
  const passing = 1 + random.below(PASSINGS_MAX);
  return what === "none" ? undefined : { point, what, passing };
}
