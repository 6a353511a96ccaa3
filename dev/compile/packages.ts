/** The npm packages that the binary holds: what Deno finds when it follows the imports of its modules. */
import { runDeno } from "./deno.ts";

export interface Package {
  /** `kafkajs@2.2.4`, as the lock file names it. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Ids. */
  readonly dependencies: readonly string[];
  /** Where Deno keeps it on this machine. */
  readonly folder: string;
}

/** What `deno info --json` says, as far as it is needed here. */
interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<string, Omit<Package, "id" | "folder"> & { readonly localPath: string }>
  >;
}

export interface Packages {
  /** All of the lock file: Deno wants to find them, though it embeds only those that ship. */
  readonly locked: readonly Package[];
  /** Those to which any of the modules leads. */
  readonly shipped: readonly Package[];
}

/** The packages of the program in `root` whose `modules` are loaded by themselves. Downloads what is not there yet. */
export async function packagesOf(root: string, modules: readonly string[]): Promise<Packages> {
  await runDeno(["install", "--quiet", "--frozen"], { cwd: root });
  const locked = new Map<string, Package>();
  const shipped = new Set<string>();
  for (const module of modules) {
    const graph = JSON.parse(await runDeno(["info", "--json", module], { cwd: root })) as ModuleGraph;
    for (const [id, { name, version, dependencies, localPath }] of Object.entries(graph.npmPackages)) {
      locked.set(id, { id, name, version, dependencies, folder: localPath });
    }
    for (const { npmPackage } of graph.modules) if (npmPackage !== undefined) shipped.add(npmPackage);
  }
  // A set may grow while it is walked.
  for (const id of shipped) for (const needed of locked.get(id)?.dependencies ?? []) shipped.add(needed);
  const all = [...locked.values()].sort((a, b) => a.id < b.id ? -1 : 1);
  return { locked: all, shipped: all.filter(({ id }) => shipped.has(id)) };
}
