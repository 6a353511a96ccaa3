/**
 * The smallest attacks of the protocol: what each does to the program, and which safeguards it would catch the absence
 * of. Every attack is played twice: the program must come out of it clean, and without the safeguard the checker must
 * find something wrong.
 */
import type { TopicOptions } from "../support/mod.ts";
import { waitFor } from "../support/mod.ts";
import { Api, type ProxiedRequest } from "../support/proxy.ts";
import { STEADY } from "./scenario.ts";
import type { Stage } from "./stage.ts";

export interface Attack {
  readonly name: string;
  /** Names of mutations that it shows. */
  readonly shows: readonly string[];
  /** Two partitions by default. */
  readonly topic?: Pick<TopicOptions, "partitions" | "config">;
  /** Plays it; the checker judges when it is over. */
  play(stage: Stage): Promise<void>;
  /** The end leaves records that are not archived: only what is committed is judged. */
  readonly endsEarly?: boolean;
}

/** All that a member gets goes into one file, and so into one checkpoint. */
export const ONE_FILE = ["--rows", "1000", "--age", "1s"];

const JOINED = /Joined group /;

export const ATTACKS: readonly Attack[] = [
  {
    name: "killed after the first files have got their final names",
    shows: ["publish-before-commit"],
    async play(stage) {
      await stage.produce(0, 60);
      await stage.produce(1, 60);
      await stage.runUntilKilled("folder-removed");
      await stage.judge({ isGrowing: true });
      await stage.produce(0, 20);
      await stage.runToEnd();
    },
  },
  {
    name: "who finds a committed checkpoint owns none of its partitions",
    shows: ["judge-reads-own-partitions"],
    async play(stage) {
      await stage.runToEnd();
      await stage.produce(0, 60);
      await stage.runUntilKilled("after-commit", { flags: ONE_FILE });
      // First in the order of ids, so that it gets the partition with the records.
      const idle = await stage.idleMember("aaa");
      const program = stage.run({ env: STEADY });
      await stage.untilSaid(program, /Joined group .*\[1\]$/);
      await stage.untilSaid(program, /Recovered checkpoint|into quarantine/);
      await idle.leave();
      await stage.untilSaid(program, JOINED, 2);
      program.signal("SIGTERM");
      await program.exit;
      await stage.runToEnd();
    },
  },
  {
    name: "a commit that Kafka has taken, and then silence until the session is over",
    shows: ["drop-on-refusal"],
    async play(stage) {
      let state: "open" | "armed" | "cut" = "open";
      const via = stage.proxy(({ group, api }) => {
        if (group !== stage.job.group || state === "open") return "pass";
        if (state === "cut") return "break";
        if (api !== Api.offsetCommit) return "pass";
        state = "cut";
        return "break-answer";
      });
      const program = stage.run({ via, flags: ONE_FILE });
      await stage.untilCommitted(0, 0n);
      await stage.untilCommitted(1, 0n);
      state = "armed";
      await stage.produce(0, 60);
      await stage.untilCommitted(0, 60n);
      await stage.untilSaid(program, /Lost the place/);
      state = "open";
      await stage.untilSaid(program, JOINED, 2);
      program.signal("SIGTERM");
      await program.exit;
      await stage.runToEnd();
    },
  },
  {
    name: "--from latest, and records that come between the first member's death and the second one's start",
    shows: ["no-initial-commit"],
    async play(stage) {
      const flags = ["--from", "latest"];
      await stage.runUntilKilled("session-ready", { flags });
      await stage.produce(0, 30);
      await stage.produce(1, 30);
      await stage.runToEnd({ flags });
    },
  },
  {
    name: "a host dies after its commit, another one commits twice, and the first is back",
    shows: ["no-pending-carry"],
    async play(stage) {
      const elsewhere = `${stage.job.output}/../../elsewhere/data`;
      await stage.produce(0, 60);
      await stage.runUntilKilled("after-commit", { flags: ONE_FILE });
      for (let round = 0; round < 2; round++) {
        await stage.produce(0, 30);
        await stage.runToEnd({ output: elsewhere });
      }
      await stage.runToEnd();
    },
  },
  {
    name: "frozen before the commit, another member takes over and goes on, then awake",
    shows: ["current-session-commit"],
    async play(stage) {
      const { job } = stage;
      await stage.produce(0, 60);
      await stage.produce(1, 60);
      const frozen = stage.run({ flags: ONE_FILE, fault: "before-commit:SIGSTOP" });
      await stage.untilSaid(frozen, /^fault: /);
      const other = stage.run({ flags: ["--age", "200ms"] });
      await stage.untilCommitted(0, 60n);
      await stage.produce(0, 60);
      await stage.untilCommitted(0, 120n);
      frozen.signal("SIGCONT");
      await stage.untilSaid(frozen, JOINED, 2);
      await stage.produce(1, 60);
      await waitFor(async () => (await job.archive()).rows.length >= 240, {
        what: "all rows",
        deadlineMs: 60_000,
      });
      for (const program of [frozen, other]) {
        program.signal("SIGTERM");
        await program.exit;
      }
      await stage.runToEnd();
    },
  },
  {
    name: "frozen while it writes until its session is over, then awake, alone in the group",
    shows: ["kept-position"],
    async play(stage) {
      await stage.produce(0, 60);
      const program = stage.run({ flags: ONE_FILE, fault: "file-written:SIGSTOP" });
      await stage.untilSaid(program, /^fault: /);
      await stage.untilEmpty();
      program.signal("SIGCONT");
      await stage.untilSaid(program, JOINED, 2);
      await stage.produce(0, 30);
      await stage.untilCommitted(0, 90n);
      program.signal("SIGTERM");
      await program.exit;
      await stage.runToEnd();
    },
  },
  {
    name: "Kafka has deleted what was to be read next",
    shows: ["default-offset"],
    endsEarly: true,
    async play(stage) {
      const { servers, topic } = stage.job;
      await stage.produce(0, 60);
      await stage.runToEnd();
      await stage.produce(0, 60);
      await servers.admin(async (admin) => {
        // Its leader is only known to the client once the topic was asked for.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "90" }] });
      });
      await stage.run({ flags: ["--until-end"] }).exit;
    },
  },
  {
    name: "aborted transactions between committed ones",
    shows: ["no-abort-filter"],
    async play(stage) {
      await stage.produce(0, 20);
      await stage.produce(0, 20, { transaction: "abort" });
      await stage.produce(0, 20, { transaction: "commit" });
      await stage.produce(1, 20, { transaction: "abort" });
      await stage.runToEnd();
    },
  },
  {
    name: "a commit without an answer arrives once more after the next one",
    shows: ["repeated-commit-goes-on"],
    topic: { partitions: 1 },
    async play(stage) {
      const late = lateCommit(stage);
      const program = stage.run({ via: late.proxy, env: STEADY });
      await stage.untilCommitted(0, 0n);
      late.arm();
      await stage.produce(0, 20);
      await stage.untilCommitted(0, 20n);
      await stage.produce(0, 20);
      await stage.untilCommitted(0, 40n);
      await late.deliver();
      await program.kill();
      await stage.runToEnd();
    },
  },
  {
    name: "the same to a member that does not lead the group",
    shows: ["lost-member-keeps-its-id"],
    async play(stage) {
      // The first member leads the group; first in the order of ids, it gets partition 0.
      const idle = await stage.idleMember("aaa");
      const late = lateCommit(stage);
      const program = stage.run({ via: late.proxy, env: STEADY });
      await stage.untilCommitted(1, 0n);
      late.arm();
      await stage.produce(1, 20);
      await stage.untilCommitted(1, 20n);
      await stage.untilSaid(program, JOINED, 2);
      await stage.produce(1, 20);
      await stage.untilCommitted(1, 40n);
      await late.deliver();
      await program.kill();
      await idle.leave();
      await stage.runToEnd();
    },
  },
];

/** A proxy that, once armed, keeps one commit back for later and closes the connection in place of an answer. */
export function lateCommit(stage: Stage) {
  let isArmed = false;
  let held: ProxiedRequest | undefined;
  const proxy = stage.proxy((request) => {
    if (!isArmed || request.api !== Api.offsetCommit) return "pass";
    isArmed = false;
    held = request;
    return "break";
  });
  return {
    proxy,
    arm: () => void (isArmed = true),
    /** Brings the commit that was kept back to the broker, which answers one way or the other. */
    async deliver(): Promise<void> {
      if (!await held?.deliver()) throw new Error("The late commit was not answered");
    },
  };
}
