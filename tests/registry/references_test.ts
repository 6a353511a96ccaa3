/** References as graphs: who refers to whom, and in which order the texts come. */
import assert from "node:assert/strict";
import { type Reference, resolveReferences } from "../../src/registry/references.ts";

/** `b 1` is version 1 of subject b. */
function refers(...to: string[]): Reference[] {
  return to.map((key) => {
    const [subject, version] = key.split(" ");
    return { name: `the ${subject}`, subject: subject!, version: Number(version) };
  });
}

/** Resolves the references of a root in a registry that has these versions; a text is its key. */
async function resolve(
  root: { subject?: string; to: string[] },
  graph: Readonly<Record<string, string[]>>,
) {
  const asked: string[] = [];
  const references = await resolveReferences(
    { subject: root.subject, references: refers(...root.to) },
    (subject, version) => {
      const key = `${subject} ${version}`;
      asked.push(key);
      const to = graph[key];
      return Promise.resolve(
        to === undefined
          ? { kind: "unknown", reason: "not there" }
          : { kind: "found", data: { schema: key, references: refers(...to) } },
      );
    },
  );
  return { asked, references };
}

for (
  const [name, root, graph, expected] of [
    ["none", [], {}, { kind: "found", texts: [] }],
    [
      "each comes after those that it needs",
      ["b 1"],
      { "b 1": ["c 1"], "c 1": ["d 2"], "d 2": [] },
      { kind: "found", texts: ["d 2", "c 1", "b 1"] },
    ],
    [
      "what several need comes once",
      ["b 1", "c 1", "d 1"],
      { "b 1": ["d 1"], "c 1": ["d 1", "b 1"], "d 1": [] },
      { kind: "found", texts: ["d 1", "b 1", "c 1"] },
    ],
    [
      "two versions of one subject are both there, and told",
      ["b 1", "a 2"],
      { "b 1": ["a 1"], "a 1": [], "a 2": [] },
      { kind: "found", texts: ["a 1", "b 1", "a 2"], mixed: "subject a in versions 1 and 2" },
    ],
    [
      "what is not there is named, with who wants it",
      ["b 1"],
      { "b 1": ["gone 3"] },
      { kind: "unknown", reason: "reference the gone (gone version 3): not there" },
    ],
    [
      "a circle is named",
      ["a 1"],
      { "a 1": ["b 1"], "b 1": ["a 1"] },
      { kind: "unknown", reason: "references lead in a circle: a version 1, b version 1, a version 1" },
    ],
    [
      "so is one of a schema with itself",
      ["a 1"],
      { "a 1": ["a 1"] },
      { kind: "unknown", reason: "references lead in a circle: a version 1, a version 1" },
    ],
  ] as const
) {
  Deno.test(`references: ${name}`, async () => {
    const { asked, references } = await resolve({ to: [...root] }, graph as Record<string, string[]>);
    assert.deepEqual(references, expected);
    assert.equal(new Set(asked).size, asked.length, "each is asked for once");
  });
}

Deno.test("references: names without a context are of the context of the subject that refers", async () => {
  const graph = {
    ":.shop:a 1": [":.other:b 1", "c 1"],
    ":.other:b 1": ["c 1", ":.:d 1"],
    ":.other:c 1": [],
    ":.:d 1": ["e 1"],
    "e 1": [],
    ":.shop:c 1": [],
  };
  const { asked, references } = await resolve({ subject: ":.shop:orders-value", to: ["a 1"] }, graph);
  assert.equal(references.kind, "found");
  assert.deepEqual(asked, [
    ":.shop:a 1",
    ":.other:b 1",
    ":.other:c 1",
    ":.:d 1",
    "e 1",
    ":.shop:c 1",
  ]);
});

Deno.test("references: as deep as the limit, and as many, but no more", async () => {
  const chain = (length: number) =>
    Object.fromEntries(
      Array.from({ length }, (_, i) => [`s${i} 1`, i + 1 < length ? [`s${i + 1} 1`] : []]),
    );
  assert.equal((await resolve({ to: ["s0 1"] }, chain(64))).references.kind, "found");
  const deeper = await resolve({ to: ["s0 1"] }, chain(65));
  assert.deepEqual(deeper.references, {
    kind: "unknown",
    reason: "references are nested more than 64 deep",
  });
  assert.equal(deeper.asked.length, 64);

  const many = Array.from({ length: 1_001 }, (_, i) => `m${i} 1`);
  const graph = Object.fromEntries(many.map((key) => [key, []]));
  assert.equal((await resolve({ to: many.slice(0, 1_000) }, graph)).references.kind, "found");
  const more = await resolve({ to: many }, graph);
  assert.deepEqual(more.references, { kind: "unknown", reason: "more than 1000 references" });
  assert.equal(more.asked.length, 1_000);
});
