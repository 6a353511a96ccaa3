/** What is in `deploy/`, as far as the program itself has to say to it. */
import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";

import { ExitCode } from "../../src/errors.ts";
import { ALL_OPTIONS, envName, FILE_SUFFIX, OPTIONS } from "../../src/cli/options.ts";
import manifest from "../../deno.json" with { type: "json" };
import { ROOT } from "../support/paths.ts";

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface StatefulSet {
  readonly kind: string;
  readonly spec: {
    readonly serviceName: string;
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [Container];
        readonly volumes: readonly {
          readonly name: string;
          readonly secret: { readonly secretName: string };
        }[];
      };
    };
  };
}

interface Secret {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly stringData: Readonly<Record<string, string>>;
}

const objects = parseAllDocuments(await Deno.readTextFile(`${ROOT}/deploy/kubernetes.yaml`))
  .map((document) => document.toJS() as { readonly kind: string });
const set = objects.find(({ kind }) => kind === "StatefulSet") as StatefulSet;
const secret = objects.find(({ kind }) => kind === "Secret") as Secret;
const pod = set.spec.template.spec;
const [container] = pod.containers;
const variable = (name: string) => container.env.find((one) => one.name === name)?.value;

/** Key and value of every setting. */
const unit = [
  ...(await Deno.readTextFile(`${ROOT}/deploy/kafka2parquet.service`)).matchAll(/^([A-Za-z]+)=(.*)$/gm),
];
const setting = (key: string) => unit.find(([, name]) => name === key)?.[2];

const shutdownMs = OPTIONS.shutdownTimeoutMs.parse([OPTIONS.shutdownTimeoutMs.default!]);

Deno.test("both wait for longer than the program takes to save", () => {
  assert.ok(pod.terminationGracePeriodSeconds * 1_000 > shutdownMs);
  const seconds = Number(/^(\d+)s$/.exec(setting("TimeoutStopSec")!)![1]);
  assert.ok(seconds * 1_000 > shutdownMs);
});

Deno.test("systemd does not try again what cannot become right", () => {
  assert.deepEqual(setting("RestartPreventExitStatus")?.split(" ").map(Number), [
    ExitCode.usage,
    ExitCode.deadLetters,
    ExitCode.config,
  ]);
});

Deno.test("systemd's state folder is the one that the program works in", () => {
  assert.equal(setting("WorkingDirectory"), `/var/lib/${setting("StateDirectory")}`);
});

Deno.test("systemd does not forbid the memory that compiled decoders need", () => {
  assert.equal(setting("MemoryDenyWriteExecute"), undefined);
});

Deno.test("the pod's archive is in its volume, and its secret where its variable says", () => {
  const mount = (name: string) => container.volumeMounts.find((one) => one.name === name)!.mountPath;
  assert.ok(variable("KAFKA2PARQUET_OUTPUT")!.startsWith(`${mount("archive")}/`));
  assert.deepEqual(set.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name), ["archive"]);
  const file = variable("KAFKA2PARQUET_SASL_PASSWORD_FILE")!;
  assert.deepEqual(Object.keys(secret.stringData).map((key) => `${mount("secrets")}/${key}`), [file]);
  assert.equal(pod.volumes[0]!.secret.secretName, secret.metadata.name);
});

Deno.test("the pod runs this version, and is named by a service that is there", () => {
  assert.equal(container.image, `kafka2parquet:${manifest.version}`);
  const services = objects.filter(({ kind }) => kind === "Service") as unknown as readonly Secret[];
  assert.deepEqual(services.map(({ metadata }) => metadata.name), [set.spec.serviceName]);
});

Deno.test("every variable of the pod is an option's, with a value that it takes", () => {
  for (const { name, value } of container.env) {
    const option = ALL_OPTIONS.find((one) =>
      name === envName(one) || name === `${envName(one)}${FILE_SUFFIX}`
    );
    assert.ok(option, name);
    assert.doesNotThrow(() => option.parse([value]), name);
  }
});

Deno.test("the pod's probes ask where the program answers, which is not for itself alone", () => {
  const { host, port } = OPTIONS.http.parse([variable("KAFKA2PARQUET_HTTP")!]) as {
    host: string;
    port: number;
  };
  assert.deepEqual({ host, port }, { host: "0.0.0.0", port: container.ports[0]!.containerPort });
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
    assert.equal(probe.httpGet.port, container.ports[0]!.name);
  }
});
