/** The same packages for everybody: exact versions, each with its hash. */
import assert from "node:assert/strict";

import { ROOT } from "../support/paths.ts";

/** Each has a lock file of its own beside it. */
const MANIFESTS = ["deno.json", "tests/support/duckdb/deno.json"];

interface Manifest {
  readonly imports?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, { readonly integrity?: string }>>;
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}/${path}`)) as T;
}

for (const path of MANIFESTS) {
  Deno.test(`${path} names exact versions, and its lock file a hash of every package`, async () => {
    const { imports = {} } = await readJson<Manifest>(path);
    assert.notEqual(Object.keys(imports).length, 0);
    for (const specifier of Object.values(imports)) {
      assert.match(specifier, /^npm:\/?(@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(-[\w.]+)?\/?$/);
    }
    const lock = await readJson<Lock>(path.replace("deno.json", "deno.lock"));
    for (const [specifier, version] of Object.entries(lock.specifiers)) {
      assert.ok(specifier.endsWith(`@${version}`), `${specifier} is ${version}`);
    }
    for (const [id, { integrity }] of Object.entries(lock.npm)) {
      assert.match(integrity ?? "", /^sha512-[\w+/]{86}==$/, id);
    }
  });
}
