import assert from "node:assert/strict";

import { billOfMaterials, type Material } from "../../dev/compile/bill.ts";
import { licenseTexts, materialsOf } from "../../dev/compile/materials.ts";
import { packagesOf } from "../../dev/compile/packages.ts";
import manifest from "../../deno.json" with { type: "json" };
import { ROOT } from "../support/paths.ts";

const { locked, shipped } = await packagesOf(ROOT, ["main.ts", ...manifest.compile.include]);
const materials = await materialsOf(shipped, { lockFile: `${ROOT}/deno.lock` });
const bill = billOfMaterials({ ...manifest, denoVersion: Deno.version.deno, materials });

Deno.test("the bill of materials lists what the program imports, directly or not, and nothing for tests", () => {
  const names = shipped.map(({ name }) => name);
  for (const name of ["kafkajs", "parquet-wasm", "commander", "protobufjs"]) {
    assert.ok(names.includes(name), name);
  }
  // The lock file holds it, for the tests of the compose file.
  assert.ok(locked.some(({ name }) => name === "yaml"));
  assert.ok(!names.includes("yaml"));
  assert.equal(bill.components.length, 1 + shipped.length);
});

Deno.test("every component has a version, an address, a hash and a license", () => {
  const [runtime, ...libraries] = bill.components;
  assert.deepEqual([runtime!.name, runtime!.version], ["deno", Deno.version.deno]);
  for (const [i, library] of libraries.entries()) {
    const { name, version } = shipped[i]!;
    assert.equal(decodeURIComponent(library.purl), `pkg:npm/${name}@${version}`);
    assert.match(library.purl, /^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/);
    assert.ok("hashes" in library);
    assert.match(library.hashes[0]!.content, /^[0-9a-f]{128}$/);
    assert.ok("licenses" in library, name);
    const [license] = library.licenses!;
    const spdx = "license" in license! ? license.license.id : license!.expression;
    assert.match(spdx, /^(MIT|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause)( OR (MIT|Apache-2\.0))?$/, name);
  }
});

Deno.test("what depends on what is told of every component, and leads to components only", () => {
  const refs = [bill.metadata.component, ...bill.components].map((one) => one["bom-ref"]);
  assert.equal(new Set(refs).size, refs.length);
  const told = bill.dependencies.map(({ ref }) => ref);
  assert.deepEqual(refs.filter((ref) => !told.includes(ref)), [
    "pkg:github/denoland/deno@v" + Deno.version.deno,
  ]);
  const reached = new Set([refs[0]!]);
  for (const ref of reached) {
    for (const next of bill.dependencies.find((one) => one.ref === ref)?.dependsOn ?? []) reached.add(next);
  }
  assert.deepEqual([...reached].sort(), [...refs].sort());
});

Deno.test("a hash of another kind is an error that names the package", () => {
  const material: Material = { ...materials[0]!, integrity: "sha1-AAAA" };
  assert.throws(
    () => billOfMaterials({ ...manifest, denoVersion: "2.9.4", materials: [material] }),
    /no SHA-512 of @kafkajs\/confluent-schema-registry@4\.1\.0: sha1-AAAA/,
  );
});

Deno.test("the licenses of all packages that hold one are in one text", async () => {
  const text = await licenseTexts(shipped);
  for (const id of ["kafkajs@2.2.4", "apache-arrow@21.2.0"]) {
    assert.ok(text.includes(`==== ${id}: LICENSE`), id);
  }
  assert.ok(text.includes("==== apache-arrow@21.2.0: NOTICE"));
});
