/** Attacks through the network, the registry and other members: the program must come out of each of them clean. */
import { Buffer } from "node:buffer";
import avsc from "avsc";
import { onTheWire } from "../../dev/wire.ts";
import { event, SCHEMA, TYPE } from "../integration/events.ts";
import { Api, type Fate, type ProxiedRequest } from "../support/proxy.ts";
import { uniqueName } from "../support/mod.ts";
import { type Attack, ONE_FILE } from "./attacks.ts";
import { commitInPart } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** By so much the network holds every commit up: part of the attack, nothing is waited for. */
const COMMIT_DELAY_MS = 100;
/** Nothing is closed before the end. */
const HELD = ["--rows", "1000", "--age", "60s"];
const SHORT_END = { KAFKA2PARQUET_SHUTDOWN_TIMEOUT: "2s" };
const JOINED = /Joined group /;
/** Outcomes of transactions that are open at the same time. */
const MIXED = ["committed", "aborted", "committed", "aborted"] as const;

export const NETWORK_ATTACKS: readonly Attack[] = [
  {
    name: "commits that are lost, delayed, repeated, or whose answer is lost, one after the other",
    shows: [],
    async play(stage) {
      const fates: readonly Fate[] = ["pass", "break", "twice", "break-answer", "twice", "pass"];
      let commits = 0;
      const via = stage.proxy(async ({ group, api }) => {
        if (group !== stage.job.group || api !== Api.offsetCommit) return "pass";
        const fate = fates[commits++];
        await new Promise((resolve) => setTimeout(resolve, COMMIT_DELAY_MS));
        return fate ?? "pass";
      });
      const program = stage.run({ via });
      for (let next = 30n; commits <= fates.length || next <= 120n; next += 30n) {
        await stage.produce(0, 30);
        await stage.produce(1, 30);
        await stage.untilCommitted(0, next);
        await stage.untilCommitted(1, next);
      }
      program.signal("SIGTERM");
      await program.exit;
      await stage.runToEnd();
    },
  },
  {
    name: "a commit is held past the session timeout, and arrives after another member has taken over",
    shows: [],
    async play(stage) {
      let state: "open" | "armed" | "cut" = "open";
      let held: ProxiedRequest | undefined;
      const via = stage.proxy((request) => {
        if (request.group !== stage.job.group || state === "open") return "pass";
        if (state === "armed" && request.api !== Api.offsetCommit) return "pass";
        held ??= request;
        state = "cut";
        return "break";
      });
      const first = stage.run({ via, flags: ONE_FILE });
      await stage.untilCommitted(0, 0n);
      await stage.untilCommitted(1, 0n);
      state = "armed";
      await stage.produce(0, 60);
      await stage.produce(1, 60);
      await stage.untilSaid(first, /Lost the place/);
      const other = stage.run();
      await stage.untilCommitted(0, 60n);
      await stage.untilCommitted(1, 60n);
      await held?.deliver();
      state = "open";
      await stage.untilSaid(first, JOINED, 2);
      await stage.produce(0, 30);
      await stage.produce(1, 30);
      await stage.untilCommitted(0, 90n);
      await stage.untilCommitted(1, 90n);
      for (const program of [first, other]) {
        program.signal("SIGTERM");
        await program.exit;
      }
      await stage.runToEnd();
    },
  },
  ...(["break", "break-answer"] as const).map((fate): Attack => ({
    name: `SIGTERM, and the coordinator is cut off during the last commit (${fate})`,
    shows: [],
    async play(stage) {
      let state: "open" | "armed" | "cut" = "open";
      const via = stage.proxy(({ group, api }) => {
        if (group !== stage.job.group || state === "open") return "pass";
        if (state === "cut") return "break";
        if (api !== Api.offsetCommit) return "pass";
        state = "cut";
        return fate;
      });
      const program = stage.run({ via, flags: HELD, env: SHORT_END });
      await stage.untilCommitted(0, 0n);
      await stage.produce(0, 60);
      await stage.untilSaid(program, / 60 held/);
      state = "armed";
      program.signal("SIGTERM");
      const { code } = await program.exit;
      if (code !== 1) throw new Error(`exit ${code}, though the last commit had no answer`);
      await stage.runToEnd();
    },
  })),
  {
    name: "SIGTERM during a rebalance whose commit has no answer",
    shows: [],
    async play(stage) {
      let isSilent = false;
      const via = stage.proxy(({ group, api }) =>
        isSilent && group === stage.job.group && api === Api.offsetCommit ? "lose" : "pass"
      );
      const program = stage.run({ via, flags: HELD, env: SHORT_END });
      await stage.untilCommitted(0, 0n);
      await stage.produce(0, 60);
      await stage.untilSaid(program, / 60 held/);
      isSilent = true;
      const joining = stage.idleMember("zzz");
      await stage.untilSaid(program, /The group rebalances/);
      program.signal("SIGTERM");
      const { code } = await program.exit;
      if (code !== 1) throw new Error(`exit ${code}, though 60 records are not saved`);
      await (await joining).leave();
      await stage.runToEnd();
    },
  },
  {
    name: "the registry is away while the group rebalances: what came before is saved",
    shows: [],
    async play(stage) {
      const { servers, topic } = stage.job;
      await using registry = gate(servers.registry);
      const program = stage.run({ registry: registry.url, flags: HELD });
      await stage.untilCommitted(0, 0n);
      await stage.produce(0, 50);
      await stage.untilSaid(program, / 50 held/);
      const changed = {
        ...SCHEMA,
        fields: [...SCHEMA.fields, { name: "extra", type: "string", default: "" }],
      };
      const id = await servers.registerSchema(`${topic}-value`, changed);
      registry.shut();
      const type = avsc.Type.forSchema(changed as avsc.Schema);
      await stage.produce(0, 10, { schema: { id, type, more: { extra: "x" } } });
      await stage.untilSaid(program, /[Rr]egistry/);
      const idle = await stage.idleMember("zzz");
      await stage.untilCommitted(0, 50n);
      registry.open();
      await idle.leave();
      // It holds what it gets for a minute: beside it, a bounded run ends with partitions of its own.
      program.signal("SIGTERM");
      await program.exit;
      await stage.runToEnd();
    },
  },
  {
    name: "a checkpoint that is committed for one of two partitions waits for the other's owner",
    shows: [],
    async play(stage) {
      await stage.runToEnd();
      await stage.produce(0, 100);
      await stage.produce(1, 100);
      await stage.runUntilKilled("before-commit", { flags: ONE_FILE });
      await commitInPart(stage.job);
      // Last in the order of ids, so that it gets partition 1.
      const idle = await stage.idleMember("zzz");
      const program = stage.run();
      await stage.untilSaid(program, /Joined group .*\[0\]$/);
      await stage.produce(0, 20);
      await stage.untilCommitted(0, 120n);
      await idle.leave();
      await stage.untilCommitted(1, 100n);
      program.signal("SIGTERM");
      await program.exit;
      await stage.runToEnd();
    },
  },
  {
    name: "a member that crashes every 2 s beside a steady one, which gets on",
    shows: [],
    async play(stage) {
      const steady = stage.run();
      await stage.untilSaid(steady, JOINED);
      for (let round = 1; round <= 3; round++) {
        await stage.produce(0, 40);
        await stage.produce(1, 40);
        await crashAfter(stage, 2000);
      }
      if ((await stage.job.archive()).rows.length === 0) throw new Error("Nothing was archived meanwhile");
      steady.signal("SIGTERM");
      await steady.exit;
      await stage.runToEnd();
    },
  },
  {
    name: "interleaved transactions, keys that look like markers, stretches without records, and a crash",
    shows: [],
    topic: { partitions: 1 },
    async play(stage) {
      await interleave(stage, MIXED);
      // Nothing for a file for a while.
      for (let i = 0; i < 6; i++) await interleave(stage, ["aborted"]);
      await stage.runUntilKilled("after-commit");
      await interleave(stage, MIXED);
      await stage.runToEnd();
    },
  },
];

/** Starts another member and kills it after so long. */
async function crashAfter(stage: Stage, ms: number): Promise<void> {
  const program = stage.run();
  await new Promise((resolve) => setTimeout(resolve, ms));
  await program.kill();
}

/** Producers with open transactions at the same time, in turns, each to its own outcome. */
async function interleave(stage: Stage, outcomes: readonly ("committed" | "aborted")[]): Promise<void> {
  const { servers, topic, schemaId } = stage.job;
  await using connections = new AsyncDisposableStack();
  const writers = await Promise.all(outcomes.map(async (outcome) => {
    const producer = servers.kafka.producer({
      transactionalId: uniqueName("tx"),
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    connections.defer(() => producer.disconnect());
    return { outcome, transaction: await producer.transaction() };
  }));
  for (let round = 0; round < 5; round++) {
    for (const { outcome, transaction } of writers) {
      const ids = [stage.newId(), stage.newId()];
      const messages = ids.map((id) => ({
        // The bytes of an abort marker's key.
        key: Buffer.from([0, 0, 0, 0]),
        value: onTheWire(schemaId, TYPE.toBuffer(event(id))),
      }));
      const [sent] = await transaction.send({ topic, messages });
      const offset = Number(sent?.baseOffset);
      for (const [i, id] of ids.entries()) stage.note({ partition: 0, offset: offset + i, id, outcome });
    }
  }
  // The last to begin ends first.
  for (const { outcome, transaction } of writers.toReversed()) {
    await (outcome === "aborted" ? transaction.abort() : transaction.commit());
  }
}

/** The registry behind a gate that can be shut. */
function gate(target: string): AsyncDisposable & { readonly url: string; shut(): void; open(): void } {
  const { origin, pathname } = new URL(target);
  let isShut = false;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (isShut) return new Response("away", { status: 503 });
    const { pathname, search } = new URL(request.url);
    const answer = await fetch(origin + pathname + search);
    return new Response(await answer.text(), {
      status: answer.status,
      headers: { "content-type": "application/json" },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}${pathname}`,
    shut: () => void (isShut = true),
    open: () => void (isShut = false),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
