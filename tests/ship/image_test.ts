/** The Dockerfile, as far as it can be judged without a container engine. */
import assert from "node:assert/strict";

import manifest from "../../deno.json" with { type: "json" };
import { ROOT } from "../support/paths.ts";

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** Comments gone, continued lines joined. */
function instructionsOf(text: string): Instruction[] {
  const lines = text.replaceAll(/^\s*#.*\n/gm, "").replaceAll(/\\\n\s*/g, "").split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => {
    const [, word, rest] = /^(\S+)\s+(.*)$/.exec(line)!;
    return { word: word!, rest: rest! };
  });
}

const instructions = instructionsOf(await Deno.readTextFile(`${ROOT}/Dockerfile`));
const finalStage = instructions.slice(instructions.findLastIndex(({ word }) => word === "FROM"));
const restOf = (word: string) => finalStage.filter((one) => one.word === word).map(({ rest }) => rest);

Deno.test("the image is built by the Deno of the tests, with the task that makes the binary, from its sources", () => {
  assert.ok(
    instructions.some(({ word, rest }) => word === "FROM" && rest.startsWith("denoland/deno:2.9.4 ")),
  );
  assert.ok(instructions.some(({ word, rest }) => word === "RUN" && rest === "deno task compile"));
  const script = /-A (\S+)$/.exec(manifest.tasks.compile)?.[1];
  assert.ok(
    script !== undefined && copiedSources().some((source) => script.startsWith(`${source}/`)),
    script,
  );
});

Deno.test("the task that makes the binary imports nothing that is not copied", async () => {
  for await (const { name } of Deno.readDir(`${ROOT}/dev/compile`)) {
    const text = await Deno.readTextFile(`${ROOT}/dev/compile/${name}`);
    for (const [, specifier] of text.matchAll(/ from "([^"]+)"/g)) {
      assert.match(specifier!, /^(\.\/|node:)/, name);
    }
  }
});

/** What is copied from the repository. */
function copiedSources(): string[] {
  return instructions.filter(({ word, rest }) => word === "COPY" && !rest.startsWith("--from="))
    .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
}

Deno.test("what is copied into the image is there, and the only thing that an engine is sent", async () => {
  for (const source of copiedSources()) assert.ok(await Deno.stat(`${ROOT}/${source}`), source);
  const ignored = (await Deno.readTextFile(`${ROOT}/.dockerignore`)).split("\n");
  assert.ok(ignored.includes("*"));
  assert.deepEqual(ignored.flatMap((line) => /^!(.*)/.exec(line)?.[1] ?? []).sort(), copiedSources().sort());
});

Deno.test("what is copied between the stages is what the first one makes", () => {
  const made = ["/build/dist/", "/archive"];
  const copied = restOf("COPY").flatMap((rest) => rest.replaceAll(/--\S+ /g, "").split(/\s+/).slice(0, -1));
  assert.notEqual(copied.length, 0);
  for (const path of copied) assert.ok(made.some((start) => path.startsWith(start)), path);
});

Deno.test("the image runs the binary as a user without rights, whose archive is a volume", () => {
  assert.deepEqual(restOf("FROM"), ["gcr.io/distroless/cc-debian12:nonroot"]);
  assert.deepEqual(restOf("USER"), ["65532:65532"]);
  assert.deepEqual(restOf("ENTRYPOINT"), ['["/usr/local/bin/kafka2parquet"]']);
  // The default output folder, seen from the working folder, is in the volume.
  assert.deepEqual([restOf("WORKDIR"), restOf("VOLUME")], [["/archive"], ["/archive/parquet_data"]]);
});

Deno.test("the image's labels are those of the program", () => {
  const labels = Object.fromEntries(
    [...restOf("LABEL").join(" ").matchAll(/org\.opencontainers\.image\.([\w.]+)="(.*?)"/g)]
      .map(([, name, value]) => [name, value]),
  );
  assert.equal(labels["version"], manifest.version);
  assert.equal(labels["licenses"], manifest.license);
  assert.equal(labels["title"], "kafka2parquet");
});

Deno.test("the health check needs no shell, which the image lacks", () => {
  const [check] = restOf("HEALTHCHECK");
  const command = JSON.parse(/CMD (\[.*\])$/.exec(check!)![1]!) as string[];
  assert.deepEqual(command, ["/usr/local/bin/kafka2parquet", "status"]);
});
