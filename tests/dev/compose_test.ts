import assert from "node:assert/strict";
import { parse } from "yaml";
import { ROOT, tempDir } from "../support/mod.ts";

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: string;
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const compose = parse(await Deno.readTextFile(`${ROOT}/docker-compose.yml`), { merge: true }) as Compose;

Deno.test("the compose file has the whole pipeline", () => {
  assert.deepEqual(Object.keys(compose.services), [
    "kafka",
    "schema-registry",
    "setup",
    "producer",
    "consumer",
  ]);
  for (const [name, service] of Object.entries(compose.services)) {
    assert(service.image !== undefined || service.build !== undefined, `${name} has neither image nor build`);
  }
});

Deno.test("services that wait for another's health wait for one that has a health check", () => {
  for (const [name, service] of Object.entries(compose.services)) {
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const awaited = compose.services[other];
      assert(awaited, `${name} depends on ${other}, which is not there`);
      if (condition === "service_healthy") assert(awaited.healthcheck, `${other} has no health check`);
    }
  }
});

Deno.test("volumes that are named are declared", () => {
  for (const service of Object.values(compose.services)) {
    for (const volume of service.volumes ?? []) {
      const [source = ""] = volume.split(":");
      assert(source.startsWith(".") || source in compose.volumes, `${source} is not declared`);
    }
  }
});

Deno.test("the producer's commands are understood by the producer", async () => {
  for (const name of ["setup", "producer"]) {
    const command = compose.services[name]?.command?.split(/\s+/) ?? [];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...command, "--help"],
      cwd: ROOT,
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  }
});

Deno.test("the consumer's environment is understood by the consumer", async () => {
  await using folder = await tempDir();
  const env = compose.services["consumer"]?.environment ?? {};
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${ROOT}/main.ts`, "run"],
    env: {
      ...Object.fromEntries(Object.entries(env).map(([key, value]) => [key, String(value)])),
      // Nobody listens there: what is told then is not about the environment.
      KAFKA2PARQUET_BROKERS: "127.0.0.1:1",
      KAFKA2PARQUET_STARTUP_TIMEOUT: "100ms",
      KAFKA2PARQUET_OUTPUT: `${folder.path}/data`,
    },
  }).output();
  assert.equal(code, 69, new TextDecoder().decode(stderr));
});
