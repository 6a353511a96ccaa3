import assert from "node:assert/strict";
import {
  formatMetadata,
  judge,
  type JudgeFacts,
  parseMetadata,
  planPartition,
} from "../../src/checkpoint/mod.ts";
import type { CommittedOffset } from "../../src/model.ts";
import type { Manifest, PreparedCheckpoint } from "../../src/sink/mod.ts";

const OURS = "0".repeat(32);
const OTHER = "1".repeat(32);
const THIRD = "2".repeat(32);
const CP = "a".repeat(32);
const CP2 = "b".repeat(32);

Deno.test("metadata: a line is read back as it was written", () => {
  for (
    const metadata of [
      { store: OURS, checkpoint: CP, first: 0n, start: 0n, pending: new Map() },
      {
        store: OURS,
        checkpoint: undefined,
        first: 9_223_372_036_854_775_807n,
        start: undefined,
        pending: new Map(),
      },
      { store: OURS, checkpoint: CP, first: 7n, start: 3n, pending: new Map([[OTHER, CP2], [THIRD, CP]]) },
      { store: OURS, checkpoint: CP, first: 7n, start: undefined, pending: new Map([[OTHER, CP2]]) },
    ]
  ) assert.deepEqual(parseMetadata(formatMetadata(metadata)), metadata);
});

Deno.test("metadata: what others wrote is not ours", () => {
  const pending = new Map([[OTHER, CP2]]);
  const ours = formatMetadata({ store: OURS, checkpoint: CP, first: 5n, start: 4n, pending });
  const foreign = [
    "",
    "k1",
    "hello",
    `k2${ours.slice(2)}`,
    `${ours} x`,
    `${ours}:y`,
    ours.replace(" 5 ", " -5 "),
    ours.replace(" @4 ", " @ "),
    ours.replace(" @4 ", " @4 @4 "),
  ];
  for (const text of foreign) assert.equal(parseMetadata(text), undefined, text);
});

Deno.test("metadata: the longest line stays under 3 KB, and one more entry is an error", () => {
  const pending = new Map(Array.from({ length: 44 }, (_, i) => [i.toString(16).padStart(32, "0"), CP]));
  const most = 9_223_372_036_854_775_807n;
  const metadata = { store: OURS, checkpoint: CP, first: most, start: most, pending };
  assert(formatMetadata(metadata).length < 3072);
  pending.set("f".repeat(32), CP);
  assert.throws(() => formatMetadata(metadata), RangeError);
});

function committed(offset: bigint | undefined, metadata = ""): CommittedOffset {
  return { topic: "t", partition: 0, offset, metadata };
}

function line(
  parts: {
    store?: string;
    checkpoint?: string;
    first?: bigint;
    start?: bigint;
    pending?: [string, string][];
  },
): string {
  return formatMetadata({
    store: parts.store ?? OURS,
    checkpoint: parts.checkpoint,
    first: parts.first ?? 0n,
    start: parts.start,
    pending: new Map(parts.pending),
  });
}

Deno.test("plan: no offset, or a foreign commit, gets our metadata before the first fetch", () => {
  const none = planPartition(committed(undefined), OURS);
  assert.equal(none.position, undefined);
  assert.equal(none.commitFirst, true);
  const foreign = planPartition(committed(42n, "by hand"), OURS);
  assert.deepEqual([foreign.position, foreign.uncovered, foreign.commitFirst], [42n, 42n, true]);
});

Deno.test("plan: our checkpoint is to be published, another store's is carried on", () => {
  const ours = planPartition(committed(10n, line({ checkpoint: CP, first: 5n })), OURS);
  assert.deepEqual([ours.publish, [...ours.pending], ours.position, ours.uncovered], [[CP], [], 10n, 10n]);
  const others = planPartition(
    committed(10n, line({ store: OTHER, checkpoint: CP, pending: [[THIRD, CP2]] })),
    OURS,
  );
  assert.deepEqual([others.publish, [...others.pending]], [[], [[THIRD, CP2], [OTHER, CP]]]);
});

Deno.test("plan: an entry of ours that another store has carried is published and dropped", () => {
  const plan = planPartition(
    committed(10n, line({ store: OTHER, pending: [[OURS, CP], [THIRD, CP2]] })),
    OURS,
  );
  assert.deepEqual([plan.publish, [...plan.pending]], [[CP], [[THIRD, CP2]]]);
});

Deno.test("plan: the newest checkpoint of another store replaces the one that was carried for it", () => {
  const plan = planPartition(
    committed(10n, line({ store: OTHER, checkpoint: CP2, pending: [[OTHER, CP]] })),
    OURS,
  );
  assert.deepEqual([...plan.pending], [[OTHER, CP2]]);
});

Deno.test("plan: records that were committed without a file are covered by the next file", () => {
  const plan = planPartition(committed(50n, line({ first: 20n })), OURS);
  assert.deepEqual([plan.position, plan.uncovered], [50n, 20n]);
});

const range = (partition: number, first: bigint, next: bigint) => ({ topic: "t", partition, first, next });

function prepared(ranges: Manifest["ranges"], over: Partial<PreparedCheckpoint> = {}): PreparedCheckpoint {
  const ref = over.ref ?? { generation: 3, id: CP };
  return { ref, ageMs: 0, manifest: { ...ref, store: OURS, topic: "t", ranges, files: [] }, ...over };
}

function facts(held: Record<number, CommittedOffset>, over: Partial<JudgeFacts> = {}): JudgeFacts {
  return {
    generation: 4,
    committed: ({ partition }) => held[partition],
    owns: () => true,
    ...over,
  };
}

const two = prepared([range(0, 0n, 10n), range(1, 5n, 9n)]);

Deno.test("judge: named by every partition, it is published", () => {
  const held = { 0: committed(10n, line({ checkpoint: CP })), 1: committed(9n, line({ checkpoint: CP })) };
  assert.equal(judge(two, facts(held)).kind, "publish");
});

Deno.test("judge: named by a partition that we do not own is named all the same", () => {
  const held = { 0: committed(12n, line({ first: 10n })), 1: committed(9n, line({ checkpoint: CP })) };
  assert.equal(judge(two, facts(held, { owns: ({ partition }) => partition === 0 })).kind, "publish");
});

Deno.test("judge: named as pending by another store's commit, it is published", () => {
  const pending: [string, string][] = [[OURS, CP]];
  const held = {
    0: committed(30n, line({ store: OTHER, checkpoint: CP2, pending })),
    1: committed(30n, line({ store: OTHER, checkpoint: CP2, pending })),
  };
  assert.equal(judge(two, facts(held)).kind, "publish");
});

Deno.test("judge: our part of a partial commit is completed before anything is published", () => {
  const held = { 0: committed(10n, line({ checkpoint: CP })), 1: committed(5n, line({})) };
  assert.deepEqual(judge(two, facts(held)), { kind: "complete", ranges: [range(1, 5n, 9n)] });
});

Deno.test("judge: another member's part of a partial commit is waited for", () => {
  const held = { 0: committed(10n, line({ checkpoint: CP })), 1: committed(5n, line({})) };
  assert.equal(judge(two, facts(held, { owns: ({ partition }) => partition === 0 })).kind, "wait");
});

Deno.test("judge: never named, with our metadata everywhere, an earlier generation's is discarded", () => {
  const held = { 0: committed(0n, line({})), 1: committed(5n, line({ checkpoint: CP2 })) };
  assert.equal(judge(two, facts(held)).kind, "discard");
});

Deno.test("judge: never named in the present generation, its maker may be alive", () => {
  const held = { 0: committed(0n, line({})), 1: committed(5n, line({})) };
  assert.equal(judge(two, facts(held, { generation: 3 })).kind, "leave");
  assert.equal(judge(prepared([], { manifest: "none" }), facts({}, { generation: 3 })).kind, "leave");
  assert.equal(judge(prepared([], { manifest: "none" }), facts({})).kind, "discard");
});

Deno.test("judge: where one partition's metadata is not ours nothing is concluded", () => {
  for (const foreign of [committed(0n, "reset by hand"), committed(undefined), undefined]) {
    const held: Record<number, CommittedOffset> = { 0: committed(0n, line({})) };
    if (foreign) held[1] = foreign;
    assert.equal(judge(two, facts(held)).kind, "quarantine");
  }
});

Deno.test("judge: a generation above the group's, with metadata that is not ours, is of a group that was deleted", () => {
  const above = prepared([range(0, 0n, 10n)], { ref: { generation: 9, id: CP } });
  for (const at of [committed(undefined), committed(10n, "set by hand")]) {
    assert.equal(judge(above, facts({ 0: at })).kind, "quarantine");
    // Also where the new group has come to the same generation: a peer's partitions would carry our metadata.
    assert.equal(judge(above, facts({ 0: at }, { generation: 9 })).kind, "quarantine");
  }
});

Deno.test("judge: a generation above the group's is left for an hour, then put into quarantine", () => {
  const held = { 0: committed(0n, line({})), 1: committed(5n, line({})) };
  const above = { ref: { generation: 9, id: CP } };
  assert.equal(judge(prepared([range(0, 0n, 10n)], above), facts(held)).kind, "leave");
  const old = prepared([range(0, 0n, 10n)], { ...above, ageMs: 2 * 60 * 60 * 1000 });
  assert.equal(judge(old, facts(held)).kind, "quarantine");
});

Deno.test("judge: where the group began again behind it, its records do not come again: it is never discarded", () => {
  const held = (start: bigint | undefined) => ({
    0: committed(10n, line({ checkpoint: CP2, start: start ?? 0n })),
    1: committed(50n, line({ checkpoint: CP2, first: 40n, ...(start !== undefined && { start }) })),
  });
  const ranges = [range(0, 5n, 10n), range(1, 20n, 40n)];
  const verdict = (start: bigint | undefined, generation: number) =>
    judge(prepared(ranges), facts(held(start), { generation })).kind;
  assert.equal(verdict(40n, 4), "quarantine");
  assert.equal(verdict(40n, 3), "quarantine");
  // From where it began, or from before, its records come again.
  assert.equal(verdict(5n, 4), "discard");
  assert.equal(verdict(0n, 4), "discard");
  assert.equal(verdict(0n, 3), "leave");
  // A commit that does not tell where the group began.
  assert.equal(verdict(undefined, 4), "discard");
});

Deno.test("judge: an unreadable manifest is never discarded", () => {
  assert.equal(judge(prepared([], { manifest: "unreadable" }), facts({})).kind, "quarantine");
});

Deno.test("judge: a checkpoint counts by the id of the store that has prepared it, whatever it is today", () => {
  const held = {
    0: committed(10n, line({ store: OTHER, checkpoint: CP })),
    1: committed(9n, line({ store: OTHER, checkpoint: CP })),
  };
  const elsewhere = prepared(
    two.manifest === "none" || two.manifest === "unreadable" ? [] : two.manifest.ranges,
  );
  assert.equal(judge(elsewhere, facts(held)).kind, "discard");
  const manifest = { ...(elsewhere.manifest as Manifest), store: OTHER };
  assert.equal(judge({ ...elsewhere, manifest }, facts(held)).kind, "publish");
});
