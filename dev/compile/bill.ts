/** The bill of materials: what is in the binary, as CycloneDX 1.6 says it. The same for the same lock file. */
import type { Package } from "./packages.ts";

/** A package with what its own files and the lock file say. */
export interface Material extends Package {
  /** As npm writes it: `sha512-…`, the hash of the archive in the registry. */
  readonly integrity: string;
  /** SPDX, as far as the authors have kept to it. */
  readonly license: string | undefined;
}

export interface BillOptions {
  readonly version: string;
  readonly license: string;
  /** Of the runtime in the binary. */
  readonly denoVersion: string;
  readonly materials: readonly Material[];
}

const NAME = "kafka2parquet";

/** The bill as an object that is to be written as JSON. */
export function billOfMaterials({ version, license, denoVersion, materials }: BillOptions) {
  const refs = new Map(materials.map((one) => [one.id, packageUrl(one)]));
  const runtime = `pkg:github/denoland/deno@v${denoVersion}`;
  const program = `pkg:generic/${NAME}@${version}`;
  const needed = new Set(materials.flatMap(({ dependencies }) => dependencies));
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        "bom-ref": program,
        type: "application",
        name: NAME,
        version,
        licenses: licensesOf(license),
      },
    },
    components: [
      {
        "bom-ref": runtime,
        type: "platform",
        name: "deno",
        version: denoVersion,
        purl: runtime,
        licenses: licensesOf("MIT"),
      },
      ...materials.map((one) => ({
        "bom-ref": refs.get(one.id)!,
        type: "library",
        ...nameOf(one.name),
        version: one.version,
        purl: refs.get(one.id)!,
        hashes: [hashOf(one)],
        ...(one.license !== undefined && { licenses: licensesOf(one.license) }),
      })),
    ],
    dependencies: [
      {
        ref: program,
        // What nothing else needs, the program does.
        dependsOn: [runtime, ...materials.filter(({ id }) => !needed.has(id)).map(({ id }) => refs.get(id)!)],
      },
      ...materials.map(({ id, dependencies }) => ({
        ref: refs.get(id)!,
        dependsOn: dependencies.map((id) => refs.get(id)!),
      })),
    ],
  };
}

/** `pkg:npm/%40logtape/logtape@2.4.2`. */
function packageUrl({ name, version }: Package): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function nameOf(name: string): { readonly group?: string; readonly name: string } {
  const [scope, rest] = name.split("/");
  return rest === undefined ? { name } : { group: scope!, name: rest };
}

function licensesOf(license: string) {
  return /\s/.test(license) ? [{ expression: license }] : [{ license: { id: license } }];
}

function hashOf({ id, integrity }: Material): { readonly alg: "SHA-512"; readonly content: string } {
  const [, base64] = /^sha512-(\S+)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Error(`The lock file has no SHA-512 of ${id}: ${integrity}`);
  return { alg: "SHA-512", content: Uint8Array.fromBase64(base64).toHex() };
}
