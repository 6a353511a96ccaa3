/** What packages and lock file say about what goes into the binary. */
import { join } from "node:path";

import type { Material } from "./bill.ts";
import type { Package } from "./packages.ts";

interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/** @throws {Error} for a package that the lock file lacks. */
export async function materialsOf(
  packages: readonly Package[],
  { lockFile }: { readonly lockFile: string },
): Promise<Material[]> {
  const { npm } = JSON.parse(await Deno.readTextFile(lockFile)) as LockFile;
  return await Promise.all(packages.map(async (one) => {
    const integrity = npm[one.id]?.integrity;
    if (integrity === undefined) throw new Error(`${lockFile} has no hash of ${one.id}`);
    return { ...one, integrity, license: await licenseOf(one.folder) };
  }));
}

/** What the package's manifest says; where it says nothing, MIT if that is the title of its license. */
async function licenseOf(folder: string): Promise<string | undefined> {
  const manifest: unknown = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  if (typeof manifest === "object" && manifest !== null && "license" in manifest) {
    return String(manifest.license);
  }
  const texts = await Promise.all(
    (await licenseFiles(folder)).map((file) => Deno.readTextFile(join(folder, file))),
  );
  return texts.some((text) => /^\s*(The )?MIT License/.test(text)) ? "MIT" : undefined;
}

/** The licenses and notices of all packages in one text: most ask that they go with every copy. */
export async function licenseTexts(packages: readonly Package[]): Promise<string> {
  const parts: string[] = [];
  for (const { id, folder } of packages) {
    for (const file of await licenseFiles(folder)) {
      parts.push(`==== ${id}: ${file}\n\n${(await Deno.readTextFile(join(folder, file))).trim()}\n`);
    }
  }
  return parts.join("\n");
}

async function licenseFiles(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return names.filter((name) => /^(license|licence|notice|copying)(\.|$)/i.test(name)).sort();
}
