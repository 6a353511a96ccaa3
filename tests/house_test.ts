/** The rules of the house that a reader relies on: which room may enter which, and what lies behind one door. */
import assert from "node:assert/strict";

const ROOT = new URL("..", import.meta.url);

/** What each room of src/ may enter, along the flow of the data and never against it. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  cli: [
    "archiver",
    "check",
    "status",
    "registry",
    "avro",
    "columns",
    "metadata",
    "parquet",
    "verify",
    "redrive",
  ],
  check: ["archiver", "kafka", "registry", "sink"],
  redrive: ["archiver", "registry", "avro", "columns", "parquet", "sink"],
  verify: ["kafka", "parquet", "sink", "checkpoint"],
  archiver: ["status", "kafka", "registry", "avro", "columns", "metadata", "parquet", "sink", "checkpoint"],
  checkpoint: ["kafka", "sink"],
  metadata: ["avro", "columns"],
  avro: ["columns"],
  parquet: ["columns"],
  kafka: [],
  registry: [],
  columns: [],
  sink: [],
  status: [],
};

/** Files in src/ itself: words that every room uses, and that use no room. */
const WORDS = [
  "config",
  "durations",
  "errors",
  "fault",
  "log",
  "log_repeats",
  "model",
  "nearest",
  "release",
  "secrets",
  "security",
  "tls",
  "trouble",
  "version",
  "wait",
  "words",
];

/** Third-party packages and the rooms that may import them. */
const LIBRARIES: Readonly<Record<string, readonly string[] | "everywhere">> = {
  "@logtape/logtape": "everywhere",
  "commander": ["cli"],
  "smol-toml": ["cli"],
  "kafkajs": ["kafka"],
  "hysnappy": ["kafka"],
  "@kafkajs/confluent-schema-registry": ["registry"],
  "apache-arrow": ["columns"],
  "parquet-wasm": ["parquet"],
  "uplot": ["status"],
  "@opentelemetry/api": ["status"],
  "hyparquet": ["parquet"],
  "hyparquet-compressors": ["parquet"],
};

/** Slow to load: not before a run is really going to happen. */
const HEAVY = [
  "kafkajs",
  "@kafkajs/confluent-schema-registry",
  "apache-arrow",
  "parquet-wasm",
  "hyparquet",
  "uplot",
  "@opentelemetry/api",
];

interface Import {
  readonly specifier: string;
  readonly kind: "static" | "type" | "dynamic";
}

function importsOf(text: string): Import[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const imports: Import[] = [];
  for (
    const [, typeOnly, specifier] of code.matchAll(
      /^(?:import|export)\s+(type\s)?(?:[^;"]*?\sfrom\s+)?"([^"]+)"/gm,
    )
  ) {
    imports.push({ specifier: specifier!, kind: typeOnly ? "type" : "static" });
  }
  for (const [, specifier] of code.matchAll(/\bimport\(\s*"([^"]+)"/g)) {
    imports.push({ specifier: specifier!, kind: "dynamic" });
  }
  return imports;
}

/** `src/kafka/mod.ts` for `../kafka/mod.ts` in `src/cli/run.ts`; the specifier itself where it is no path. */
function target(path: string, specifier: string): string {
  return /^\.\.?\//.test(specifier) ? new URL(specifier, `file:///${path}`).pathname.slice(1) : specifier;
}

function roomOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1]! : "";
}

/** What breaks the rules, one sentence each. `files` are texts by path, such as `src/cli/run.ts`. */
function violations(files: ReadonlyMap<string, string>): string[] {
  const broken: string[] = [];
  for (const [path, text] of files) {
    for (const { specifier } of importsOf(text)) {
      const problem = judge(path, target(path, specifier));
      if (problem) broken.push(`${path} ${problem}: ${specifier}`);
    }
  }
  return broken;
}

function judge(path: string, to: string): string | undefined {
  const room = roomOf(path);
  if (room !== "" && !(room in ROOMS)) return "is in a room that this test does not know";
  // The page that is served, as text.
  if (/^src\/status\/page\/[a-z]+\.(html|css|js)$/.test(to)) return;
  if (to.startsWith("node:") || to === "deno.json") return;
  if (!to.startsWith("src/")) {
    const library = Object.keys(LIBRARIES).find((name) => to === name || to.startsWith(`${name}/`));
    if (library === undefined) return "imports a library that has no room";
    const rooms = LIBRARIES[library]!;
    return rooms === "everywhere" || rooms.includes(room) ? undefined : "imports another room's library";
  }
  const toRoom = roomOf(to);
  if (toRoom === "") return WORDS.includes(to.slice(4, -3)) ? undefined : "imports a file of no room";
  if (toRoom === room) return to === `src/${room}/mod.ts` ? "imports its own door" : undefined;
  if (!to.endsWith("/mod.ts")) return "enters another room past its door";
  return room !== "" && ROOMS[room]!.includes(toRoom) ? undefined : "enters a room against the flow";
}

async function sourceFiles(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) { for (const [name, text] of await sourceFiles(path)) files.set(name, text); }
    else if (entry.name.endsWith(".ts")) files.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  }
  return files;
}

Deno.test("imports follow the flow, through doors, and libraries stay in their rooms", async () => {
  assert.deepEqual(violations(await sourceFiles("src")), []);
});

for (
  const [path, line, problem] of [
    ["src/kafka/group.ts", `import { archive } from "../archiver/mod.ts";`, /against the flow/],
    ["src/archiver/a.ts", `import {\n  x,\n} from "../kafka/group.ts";`, /past its door/],
    ["src/archiver/a.ts", `import { Kafka } from "kafkajs";`, /another room's library/],
    ["src/archiver/a.ts", `import type { Kafka } from "kafkajs/index.js";`, /another room's library/],
    ["src/sink/s3.ts", `const { x } = await import("aws");`, /no room/],
    ["src/log.ts", `export { x } from "./kafka/mod.ts";`, /against the flow/],
    ["src/avro/a.ts", `import "./mod.ts";`, /its own door/],
    ["src/attic/a.ts", `import "../errors.ts";`, /does not know/],
  ] as const
) {
  Deno.test(`the rules of the house refuse ${JSON.stringify(line)} in ${path}`, () => {
    const broken = violations(new Map([[path, line]]));
    assert.equal(broken.length, 1);
    assert.match(broken[0]!, problem);
  });
}

/** What is loaded, by static imports, together with a file. */
async function reachedFrom(path: string): Promise<Set<string>> {
  const files = await sourceFiles("src");
  files.set("main.ts", await Deno.readTextFile(new URL("main.ts", ROOT)));
  const reached = new Set([path]);
  for (const path of reached) {
    for (const { specifier, kind } of importsOf(files.get(path) ?? "")) {
      if (kind === "static") reached.add(target(path, specifier));
    }
  }
  return reached;
}

Deno.test("commands start without the heavy libraries", async () => {
  const reached = await reachedFrom("src/cli/dispatch.ts");
  assert.ok(reached.has("src/cli/program.ts") && reached.has("commander"), "the walk goes nowhere");
  assert.deepEqual(HEAVY.filter((library) => [...reached].some((to) => to.startsWith(library))), []);
});

Deno.test("help starts without any library or module of Node", async () => {
  const reached = await reachedFrom("main.ts");
  assert.ok(reached.has("src/cli/help.ts"), "the walk goes nowhere");
  assert.deepEqual([...reached].filter((to) => !/^(main|src\/.*)\.ts$|^deno\.json$/.test(to)), []);
});

Deno.test("untyped values are in one file a room at most", async () => {
  const rooms = [...await sourceFiles("src")]
    .filter(([, text]) => /deno-lint-ignore(-file)?\b.*\bno-explicit-any/.test(text))
    .map(([path]) => roomOf(path));
  assert.equal(new Set(rooms).size, rooms.length, rooms.join(", "));
});

Deno.test("file names are in snake_case, and tests end in _test.ts", async () => {
  for (const folder of ["src", "tests", "dev", "bench"]) {
    for (const [path, text] of await sourceFiles(folder)) {
      assert.match(path, /^[a-z0-9_]+(\/[a-z0-9_]+)*(\.d)?\.ts$/);
      if (/^Deno\.test\(/m.test(text) && folder === "tests") assert.match(path, /_test\.ts$/);
    }
  }
});
