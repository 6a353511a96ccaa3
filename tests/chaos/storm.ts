/** The storm: one step of the schedule after the other, until there were enough kills or the time is over. */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../src/errors.ts";
import { type Action, type ActionKind, type Due, steps } from "./schedule.ts";
import type { World } from "./world.ts";

export interface StormOptions {
  readonly world: World;
  readonly seed: number;
  /** Whether there were enough, by now. */
  isOver(): boolean;
  /** Files that have become visible so far. */
  files(): number;
  /** A line for the run's own log. */
  note(line: string): void;
}

export interface StormResult {
  /** Steps that did something. */
  readonly done: Readonly<Record<ActionKind, number>>;
}

const POLL_MS = 50;

/**
 * Runs the schedule, and gives back all that it has taken away: when it resolves, every server answers, nobody is
 * stopped, and the disk has room.
 */
export async function storm(options: StormOptions): Promise<StormResult> {
  const { world, seed, note } = options;
  const done: Record<ActionKind, number> = {
    "kill": 0,
    "leave": 0,
    "stop": 0,
    "commits": 0,
    "broker-kill": 0,
    "broker-stop": 0,
    "registry-restart": 0,
    "disk-full": 0,
  };
  const healing = new Healing(note);
  const schedule = steps(seed, { slots: world.consumers.length, brokers: world.kafka.nodes.length });
  while (!options.isOver()) {
    const { due, action } = schedule.next().value;
    await untilDue(due, options);
    const happened = act(action, world, healing);
    note(`${happened ? "" : "not now: "}${JSON.stringify(action)}`);
    if (happened) done[action.kind]++;
  }
  world.fates.heal();
  await healing.all();
  return { done };
}

async function untilDue({ files, atMostMs }: Due, options: StormOptions): Promise<void> {
  const [wanted, deadline] = [options.files() + files, Date.now() + atMostMs];
  do await sleep(POLL_MS); while (options.files() < wanted && Date.now() < deadline && !options.isOver());
}

/** @returns false where it cannot be done now: nobody is there, or the same is under way. */
function act(action: Action, world: World, healing: Healing): boolean {
  switch (action.kind) {
    case "kill":
      return world.consumers[action.slot]!.kill();
    case "leave":
      world.consumers[action.slot]!.leave(action.awayMs);
      return true;
    case "stop":
      world.consumers[action.slot]!.stop(action.forMs);
      return true;
    case "commits":
      world.fates.arm(action.fates);
      return true;
    case "broker-kill": {
      const node = world.kafka.nodes[action.broker]!;
      // One broker at a time: of two that are away, what they alone have acknowledged would not be there for seconds.
      return healing.begin("broker", async () => {
        await node.kill();
        await sleep(action.downMs);
        await node.restart();
      });
    }
    case "broker-stop": {
      const node = world.kafka.nodes[action.broker]!;
      return healing.begin("broker", async () => {
        await node.kill("SIGSTOP");
        await sleep(action.forMs);
        await node.kill("SIGCONT");
      });
    }
    case "registry-restart":
      return healing.begin("registry", async () => {
        await world.registry.kill();
        await sleep(action.downMs);
        await world.registry.restart();
      });
    case "disk-full": {
      const { disk } = world;
      if (disk === undefined) return false;
      return healing.begin("disk", async () => {
        try {
          await disk.setFull(true);
          await sleep(action.forMs);
        } finally {
          await disk.setFull(false);
        }
      });
    }
  }
}

/** What is broken at the moment and mends itself: one thing of each name. */
class Healing {
  readonly #running = new Map<string, Promise<void>>();
  readonly #errors: unknown[] = [];
  readonly #note: (line: string) => void;

  constructor(note: (line: string) => void) {
    this.#note = note;
  }

  begin(name: string, what: () => Promise<void>): boolean {
    if (this.#running.has(name)) return false;
    const running = what().catch((error) => {
      this.#errors.push(error);
      this.#note(`${name}: ${messageOf(error)}`);
    }).finally(() => {
      this.#running.delete(name);
      this.#note(`${name} is back`);
    });
    this.#running.set(name, running);
    return true;
  }

  /** @throws what went wrong on the way. */
  async all(): Promise<void> {
    await Promise.all(this.#running.values());
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}
