/** What is in `deploy/` and the compose file, by the judgement of those who read them. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";

import { ROOT, tempDir } from "../support/mod.ts";
import { pythonWithKubernetes } from "../support/python.ts";

const KUBERNETES_VERSIONS = ["1.27.0", "1.37.0"];
/** Of 100; what systemd calls "OK" begins below 50. */
const EXPOSURE_MAX = 20;

const UNIT = `${ROOT}/deploy/kafka2parquet.service`;
const MANIFEST = `${ROOT}/deploy/kubernetes.yaml`;

/** Whether the tool is there; says so where not, and fails where `CI` is set. */
async function has(tool: string, { install }: { install: string }): Promise<boolean> {
  const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${tool}`], stdout: "null" })
    .output();
  if (success) return true;
  const missing = `${tool} is missing: apt install ${install}`;
  if (Deno.env.get("CI")) throw new Error(missing);
  console.error(`What it checks is skipped, ${missing}`);
  return false;
}

/** What a command says, on both streams; it must succeed. */
async function says([command, ...args]: [string, ...string[]]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd: ROOT }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.ok(success, `${command} ${args.join(" ")}: ${text}`);
  return text;
}

const python = await pythonWithKubernetes();
const hasSystemd = await has("systemd-analyze", { install: "systemd" });
const hasCompose = await has("docker-compose", { install: "docker-compose" });

for (const version of KUBERNETES_VERSIONS) {
  Deno.test({
    name: `Kubernetes ${version} takes every object of the manifest, and knows every field`,
    ignore: python === undefined,
    async fn() {
      const objects = parseAllDocuments(await Deno.readTextFile(MANIFEST)).length;
      const said = await says([python!, "-m", "kubernetes_validate", "--strict", "-k", version, MANIFEST]);
      assert.equal(said.match(/ passed for resource /g)?.length, objects, said);
    },
  });
}

Deno.test({
  name: "systemd takes the unit without a word, and finds little that it exposes",
  ignore: !hasSystemd,
  async fn() {
    await using folder = await tempDir();
    // It wants to see the program, which is not installed here.
    const unit = `${folder.path}/kafka2parquet.service`;
    const text = (await Deno.readTextFile(UNIT)).replaceAll("/usr/local/bin/kafka2parquet", "/bin/true");
    await Deno.writeTextFile(unit, text);
    assert.equal(await says(["systemd-analyze", "verify", "--man=no", unit]), "");
    await says([
      "systemd-analyze",
      "security",
      "--offline=true",
      `--threshold=${EXPOSURE_MAX}`,
      "--no-pager",
      unit,
    ]);
  },
});

Deno.test({
  name: "Compose takes the compose file",
  ignore: !hasCompose,
  async fn() {
    const said = await says(["docker-compose", "--file", "docker-compose.yml", "config"]);
    assert.match(said, /schema-registry/);
  },
});
