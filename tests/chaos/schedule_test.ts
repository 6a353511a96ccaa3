import assert from "node:assert/strict";
import { FAULT_POINTS } from "../../src/fault.ts";
import { type Action, startOf, type Step, steps } from "./schedule.ts";

const WORLD = { slots: 5, brokers: 3 };

function firstSteps(seed: number, count: number): Step[] {
  const schedule = steps(seed, WORLD);
  return Array.from({ length: count }, () => schedule.next().value);
}

Deno.test("the same seed gives the same chaos, another one another", () => {
  assert.deepEqual(firstSteps(7, 200), firstSteps(7, 200));
  assert.notDeepEqual(firstSteps(7, 200), firstSteps(8, 200));
  const start = { slot: 1, index: 2, points: FAULT_POINTS };
  assert.deepEqual(startOf(7, start), startOf(7, start));
});

Deno.test("a long schedule has everything in it, for every consumer and broker", () => {
  const actions = firstSteps(1, 3_000).map(({ action }) => action);
  const kinds: Action["kind"][] = [
    "kill",
    "leave",
    "stop",
    "commits",
    "broker-kill",
    "broker-stop",
    "registry-restart",
    "disk-full",
  ];
  assert.deepEqual(new Set(actions.map(({ kind }) => kind)), new Set(kinds));
  const killed = actions.flatMap((action) => action.kind === "kill" ? [action.slot] : []);
  assert.deepEqual([...new Set(killed)].sort(), [0, 1, 2, 3, 4]);
  const brokers = actions.flatMap((action) => action.kind === "broker-kill" ? [action.broker] : []);
  assert.deepEqual([...new Set(brokers)].sort(), [0, 1, 2]);
  const fates = actions.flatMap((action) => action.kind === "commits" ? action.fates : []);
  assert.equal(new Set(fates.map(({ kind }) => kind)).size, 7);
});

Deno.test("sooner or later consumers are started to die at every arrow", () => {
  const points = new Set<string>();
  for (let index = 0; index < 1_000; index++) {
    const { fault } = startOf(1, { slot: index % 5, index, points: FAULT_POINTS });
    if (fault?.what === "SIGKILL") points.add(fault.point);
  }
  assert.equal(points.size, FAULT_POINTS.length);
});
