/**
 * A world with a clock of its own, in which the program runs unchanged: timers, the clock and randomness are the
 * world's, and one seeded generator decides what happens next. A step is one event (a timer, an answer of the disk, a
 * message on the wire) and all that the program does about it until it waits again.
 */
import { type Random, seededRandom } from "../../dev/random.ts";

/** One process of the program. Nothing of it happens any more once it is dead, nothing for now while it is stopped. */
export interface Process {
  readonly name: string;
  readonly host: string;
  state: "running" | "stopped" | "dead";
  /** What was due while it was stopped. */
  readonly due: Task[];
}

export interface Task {
  atMs: number;
  readonly order: number;
  /** Whose it is; undefined for what happens outside of the program. */
  readonly process: Process | undefined;
  run(): void;
  /** What may still happen after the process was killed: a system call that the kernel has begun. */
  readonly kernel: (() => void) | undefined;
  readonly everyMs: number | undefined;
  isCancelled: boolean;
}

/** Timers fire up to so much late, so that those of the same time come in any order. */
const TIMER_LATE_MS = 1;
const EPOCH_MS = Date.UTC(2026, 0, 1);

export class World {
  readonly random: Random;
  nowMs = 0;
  /** All events but idle ticks of intervals. */
  steps = 0;
  /** Whose code runs. */
  current: Process | undefined;
  readonly trace: string[] | undefined;
  /** The first invariant that was found broken: nothing after it means anything. */
  violation: string | undefined;
  readonly #queue: Task[] = [];
  #orders = 0;

  constructor(seed: number, options: { readonly isTraced?: boolean } = {}) {
    this.random = seededRandom(seed);
    this.trace = options.isTraced ? [] : undefined;
  }

  say(what: () => string): void {
    this.trace?.push(`${(this.nowMs / 1000).toFixed(4)} ${this.current?.name ?? "-"} ${what()}`);
  }

  violate(what: string): void {
    this.say(() => `VIOLATION ${what}`);
    this.violation ??= what;
  }

  spawn(name: string, host: string): Process {
    return { name, host, state: "running", due: [] };
  }

  /** Lets `run` happen after `delayMs`, as code of `process`. */
  after(
    delayMs: number,
    process: Process | undefined,
    run: () => void,
    options: { readonly kernel?: () => void; readonly everyMs?: number } = {},
  ): Task {
    const task: Task = {
      atMs: this.nowMs + delayMs,
      order: this.#orders++,
      process,
      run,
      kernel: options.kernel,
      everyMs: options.everyMs,
      isCancelled: false,
    };
    this.#push(task);
    return task;
  }

  /** A timer of the program. */
  timer(run: () => void, ms: number, everyMs?: number): Task {
    const delayMs = Math.max(0, ms) + this.random.next() * TIMER_LATE_MS;
    return this.after(delayMs, this.current, run, everyMs === undefined ? {} : { everyMs });
  }

  kill(process: Process): void {
    process.state = "dead";
    for (const { kernel } of process.due.splice(0)) {
      if (kernel !== undefined && this.random.chance(0.5)) kernel();
    }
  }

  stop(process: Process): void {
    if (process.state === "running") process.state = "stopped";
  }

  resume(process: Process): void {
    if (process.state !== "stopped") return;
    process.state = "running";
    for (const task of process.due.splice(0)) {
      task.atMs = this.nowMs + this.random.next();
      this.#push(task);
    }
  }

  /** Does what is next. @returns false where nothing is. */
  step(): boolean {
    const task = this.#pop();
    if (task === undefined) return false;
    this.nowMs = Math.max(this.nowMs, task.atMs);
    if (task.isCancelled) return true;
    const { process } = task;
    if (process?.state === "stopped") {
      process.due.push(task);
      return true;
    }
    if (process?.state === "dead") {
      if (task.kernel !== undefined && this.random.chance(0.5)) task.kernel();
      return true;
    }
    if (task.everyMs === undefined) this.steps++;
    this.current = process;
    task.run();
    drainMicrotasks();
    this.current = undefined;
    if (task.everyMs !== undefined && !task.isCancelled) {
      task.atMs = this.nowMs + task.everyMs;
      this.#push(task);
    }
    return true;
  }

  /** Runs `body` as code of a process. */
  as(process: Process, body: () => void): void {
    const before = this.current;
    this.current = process;
    body();
    drainMicrotasks();
    this.current = before;
  }

  uuid(): `${string}-${string}-${string}-${string}-${string}` {
    const [a, b, c, d] = Array.from(
      { length: 4 },
      () => this.random.below(2 ** 32).toString(16).padStart(8, "0"),
    ) as [string, string, string, string];
    return `${a}-${b.slice(4)}-4${b.slice(1, 4)}-8${c.slice(5)}-${c.slice(0, 4)}${d}`;
  }

  #push(task: Task): void {
    const queue = this.#queue;
    let at = queue.push(task) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(task, queue[parent]!)) break;
      queue[at] = queue[parent]!;
      at = parent;
    }
    queue[at] = task;
  }

  #pop(): Task | undefined {
    const queue = this.#queue;
    const first = queue[0];
    const last = queue.pop();
    if (first === undefined || last === undefined || queue.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isBefore(queue[child + 1]!, queue[child]!)) child++;
      if (!isBefore(queue[child]!, last)) break;
      queue[at] = queue[child]!;
      at = child;
    }
    queue[at] = last;
    return first;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/**
 * Runs all promise reactions until none is left, now. The runtime has this for itself only; a turn of the event loop
 * (`setImmediate`) does the same and takes 4 µs instead of 0.1, and a step about 30 (deno task model).
 */
const drainMicrotasks: () => void = (() => {
  // deno-lint-ignore no-explicit-any
  const internals = (Deno as any)[(Deno as any).internal];
  return () => internals.core.runMicrotasks();
})();

/** Puts the world's clock, timers and randomness in the place of the real ones. @returns what puts them back. */
export function install(world: World): () => void {
  const cancel = (task: Task | undefined) => {
    if (task !== undefined) task.isCancelled = true;
  };
  return replaceAll([
    [globalThis, {
      setTimeout: (run: () => void, ms = 0) => world.timer(run, ms),
      clearTimeout: cancel,
      setInterval: (run: () => void, ms = 0) => world.timer(run, ms, ms),
      clearInterval: cancel,
      setImmediate: (run: () => void) => world.timer(run, 0),
    }],
    [performance, { now: () => world.nowMs }],
    [Date, { now: () => EPOCH_MS + world.nowMs }],
    [Math, { random: () => world.random.next() }],
    [crypto, { randomUUID: () => world.uuid() }],
    // Most errors in here are a file that is not there, and their stacks cost more than all else about them.
    [Error, { stackTraceLimit: 0 }],
  ]);
}

/** Replaces properties of objects. @returns what puts the old ones back. */
export function replaceAll(changes: readonly (readonly [object, Record<string, unknown>])[]): () => void {
  const undo: (() => void)[] = [];
  for (const [object, properties] of changes) {
    for (const [name, value] of Object.entries(properties)) {
      const before = Object.getOwnPropertyDescriptor(object, name);
      Object.defineProperty(object, name, { value, writable: true, configurable: true });
      undo.push(() =>
        before === undefined
          ? delete (object as Record<string, unknown>)[name]
          : Object.defineProperty(object, name, before)
      );
    }
  }
  return () => {
    for (const step of undo) step();
  };
}
