/** The schemas that a schema refers to, and those that these refer to: found one after the other, within limits. */

const REFERENCES_MAX = 1_000;
const DEPTH_MAX = 64;

/** How one schema names another one, as it was registered. */
export interface Reference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** What refers: its subject, where it is known, says in which context its references are. */
export interface Referring {
  readonly subject?: string | undefined;
  readonly references?: readonly Reference[] | undefined;
}

/** A version of a subject, as the registry has it. */
export type Referred =
  | { readonly kind: "found"; readonly data: { readonly schema: string } & Referring }
  | { readonly kind: "unknown"; readonly reason: string };

export type References =
  | {
    readonly kind: "found";
    /** Each after those that it needs itself. */
    readonly texts: readonly string[];
    /** `subject a in versions 1 and 2`, where that is so: types that both define contradict each other. */
    readonly mixed?: string;
  }
  | { readonly kind: "unknown"; readonly reason: string };

export async function resolveReferences(
  root: Referring,
  ask: (subject: string, version: number) => Promise<Referred>,
): Promise<References> {
  const texts = new Map<string, string>();
  const versions = new Map<string, Set<number>>();

  /** Adds what `referring` needs; returns what is wrong with it. `above` are those that led here. */
  async function visit(referring: Referring, above: readonly string[]): Promise<string | undefined> {
    for (const { name, subject: given, version } of referring.references ?? []) {
      const subject = inContextOf(referring.subject, given);
      const key = `${subject} version ${version}`;
      if (above.includes(key)) return `references lead in a circle: ${[...above, key].join(", ")}`;
      if (texts.has(key)) continue;
      if (above.length >= DEPTH_MAX) return `references are nested more than ${DEPTH_MAX} deep`;
      if (texts.size + above.length >= REFERENCES_MAX) return `more than ${REFERENCES_MAX} references`;
      const answer = await ask(subject, version);
      if (answer.kind === "unknown") return `reference ${name} (${key}): ${answer.reason}`;
      const { schema, references } = answer.data;
      const problem = await visit({ subject, references }, [...above, key]);
      if (problem !== undefined) return problem;
      texts.set(key, schema);
      versions.set(subject, (versions.get(subject) ?? new Set()).add(version));
    }
    return undefined;
  }

  const problem = await visit(root, []);
  if (problem !== undefined) return { kind: "unknown", reason: problem };
  const mixed = [...versions].find(([, numbers]) => numbers.size > 1);
  return {
    kind: "found",
    texts: [...texts.values()],
    ...(mixed !== undefined && { mixed: `subject ${mixed[0]} in versions ${[...mixed[1]].join(" and ")}` }),
  };
}

/**
 * A subject as it is to be asked for: `a` in a schema of `:.shop:orders` is `:.shop:a`. One that names its context
 * itself stays as it is.
 */
function inContextOf(parent: string | undefined, subject: string): string {
  if (subject.startsWith(":.")) return subject;
  const context = /^:\.[^:]+:/.exec(parent ?? "")?.[0] ?? "";
  return context + subject;
}
