/**
 * The program with one safeguard taken out, as text edits of its source. Whatever shows that the protocol holds must
 * fail on each of these, or it shows nothing: the model (tests/model) without servers, the checker with real ones.
 */
import { dirname } from "node:path";
import { ROOT } from "../support/paths.ts";

/** One edit; `find` stands in the file exactly once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutation {
  readonly name: string;
  /** What goes wrong without the safeguard. */
  readonly why: string;
  readonly edits: readonly Edit[];
  /** False where it takes a real broker to see it. */
  readonly inModel: boolean;
}

const PIPELINE = "src/checkpoint/pipeline.ts";
const COMMIT = "src/checkpoint/commit.ts";
const RECOVERY = "src/archiver/recovery.ts";
const ARCHIVER = "src/archiver/archiver.ts";
const SESSION = "src/kafka/session.ts";

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "publish-before-commit",
    why: "a crash or a refusal in between leaves visible records that come again",
    edits: [{
      file: PIPELINE,
      find: "const commit = await this.#commit(building);",
      replace:
        "if (building.files.length > 0) await this.#options.sink.publish(building.ref);\n    const commit = await this.#commit(building);",
    }],
    inModel: true,
  },
  {
    name: "judge-reads-own-partitions",
    why: "a checkpoint that only other members' partitions name is taken for one of unknown fate",
    edits: [{
      file: RECOVERY,
      find: "const entries = await session.committed([...partitions.values()]);",
      replace:
        "const entries = await session.committed([...partitions.values()].filter((at) => session.assignment.some((own) => keyOf(own) === keyOf(at))));",
    }],
    inModel: true,
  },
  {
    name: "drop-on-refusal",
    why: "a commit without a certain answer may have been stored, and its files are gone",
    edits: [{
      file: PIPELINE,
      find: `if (commit === "unknown") return false;`,
      replace: `if (commit === "unknown") {
      await this.#options.sink.discard(building.ref);
      return false;
    }`,
    }],
    inModel: true,
  },
  {
    name: "no-initial-commit",
    why: "records that come between two owners of a group that starts at the end are in nobody's range",
    edits: [{
      file: "src/checkpoint/plan.ts",
      find: "commitFirst: true,",
      replace: "commitFirst: false,",
    }],
    inModel: true,
  },
  {
    name: "no-pending-carry",
    why: "what another host has committed and not published is named by nobody, and deleted when it is back",
    edits: [{ file: PIPELINE, find: "pending: pending(partition),", replace: "pending: new Map()," }],
    inModel: true,
  },
  {
    name: "current-session-commit",
    why:
      "as kafkajs's consumer.commitOffsets: a commit of an old session goes out in the generation of the present one",
    edits: [
      {
        file: SESSION,
        find: "this.generation = joined.generation;",
        replace: "this.generation = joined.generation;\n    Object.assign(coordinator, { latest: joined });",
      },
      {
        file: SESSION,
        find: `if (this.signal.aborted) return { kind: "session-over", code: "NOT_SENT" };`,
        replace: "",
      },
      {
        file: SESSION,
        find: "commitOffsets(this.#coordinator, this, offsets)",
        replace:
          "commitOffsets(this.#coordinator, (this.#coordinator as unknown as { latest: Joined }).latest, offsets)",
      },
      { file: COMMIT, find: "while (!options.session.aborted) {", replace: "for (;;) {" },
      {
        file: COMMIT,
        find: `      case "session-over":
      case "rebalance":
        return "unknown";`,
        replace: `      case "session-over":
      case "rebalance":
        await sleep(COMMIT_RETRY_MS, new AbortController().signal);
        break;`,
      },
    ],
    inModel: true,
  },
  {
    name: "kept-position",
    why: "a partition that a member keeps goes on where it was fetched, although that was not committed",
    edits: [
      {
        file: ARCHIVER,
        find: "async joined(session: Session): Promise<void> {",
        replace:
          "async joined(session: Session): Promise<void> {\n    const kept = this.#current ?? (this as unknown as { kept?: SessionArchive }).kept;",
      },
      {
        file: ARCHIVER,
        find: "current.start(ready);",
        replace:
          "current.start(ready.map((plan) => ({ ...plan, position: kept?.positionOf(plan) ?? plan.position })));\n    Object.assign(this, { kept: current });",
      },
      {
        file: "src/archiver/session_archive.ts",
        find: "  /** Starts to fetch the partitions from their positions. */",
        replace:
          "  positionOf(at: TopicPartition): bigint | undefined {\n    return this.#topics.get(at.topic)?.partitions.get(at.partition)?.position;\n  }\n",
      },
    ],
    inModel: true,
  },
  {
    name: "default-offset",
    why: "as kafkajs's setDefaultOffset: an offset out of range silently becomes the end of the log",
    edits: [{
      file: ARCHIVER,
      find: `problem.kind !== "out-of-range" || onOutOfRange === "stop" ||`,
      replace: `problem.kind !== "out-of-range" ||`,
    }],
    inModel: false,
  },
  {
    name: "no-abort-filter",
    why: "records of aborted transactions are archived",
    edits: [{
      file: "src/kafka/aborted.ts",
      find: "return this.#open.has(producerId);",
      replace: "return false;",
    }],
    inModel: true,
  },
  {
    name: "unlink-before-sync",
    why: "a power cut may keep the removal of the prepared name and not the making of the final one",
    edits: [{
      file: "src/sink/local.ts",
      find: `await faultPoint("file-linked");`,
      replace: `await faultPoint("file-linked");\n  await removeIfThere(temporary);`,
    }],
    inModel: true,
  },
  {
    name: "folder-of-others-not-synced",
    why:
      "who has made a folder may have died before the disk had its name, and all that lies in it goes with it",
    edits: [{
      file: "src/sink/files.ts",
      find: "return await keepName(path, there.ino, below);",
      replace: "return;",
    }],
    inModel: true,
  },
  {
    name: "skips-stay-owed",
    why:
      "records that were committed without a file and then counted in a footer are counted in the next one again",
    edits: [{
      file: "src/archiver/topic.ts",
      find: "moved.map((state) => ({\n        topic: this.topic,\n        partition: state.partition,",
      replace:
        "moved.filter((state) => state.position > state.checkpointed).map((state) => ({\n        topic: this.topic,\n        partition: state.partition,",
    }],
    inModel: true,
  },
  {
    name: "repeated-commit-goes-on",
    why: "the first attempt, which had no answer, arrives after a later commit and takes the offsets back",
    edits: [{ file: PIPELINE, find: `if (commit === "committed") return true;`, replace: "return true;" }],
    inModel: true,
  },
  {
    name: "lost-member-keeps-its-id",
    why:
      "a follower may get the very same generation again, and a late commit of the lost session is accepted",
    edits: [{
      file: "src/kafka/member.ts",
      find: `    this.#formerId = this.#memberId;\n    this.#memberId = "";`,
      replace: "",
    }],
    inModel: true,
  },
];

/** What a tree must hold so that the program and its tests run from it. */
const TREE = ["deno.json", "deno.lock", "main.ts", "src", "tests", "dev"];
const LEFT_OUT = new Set(["node_modules", "dist", "parquet_data"]);

/**
 * A copy of the tree with the mutation's edits, in a temporary folder: the program and its tests run from `path` as
 * from the repository. Removed when it is disposed of.
 *
 * @throws Error where an edit does not find its place exactly once.
 */
export async function mutatedTree(mutation: Mutation): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: `k2p-${mutation.name}-` });
  try {
    for (const name of TREE) await copy(`${ROOT}/${name}`, `${path}/${name}`);
    for (const edit of mutation.edits) {
      const file = `${path}/${edit.file}`;
      await Deno.writeTextFile(file, mutate(await Deno.readTextFile(file), edit));
    }
  } catch (error) {
    await Deno.remove(path, { recursive: true });
    throw error;
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** @throws Error where the text to find is not there exactly once. */
export function mutate(text: string, edit: Edit): string {
  const parts = text.split(edit.find);
  if (parts.length !== 2) {
    throw new Error(`${edit.file} holds ${JSON.stringify(edit.find)} ${parts.length - 1} times, not once`);
  }
  return parts.join(edit.replace);
}

async function copy(from: string, to: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(from);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!info.isDirectory) {
    await Deno.mkdir(dirname(to), { recursive: true });
    await Deno.copyFile(from, to);
    return;
  }
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) {
    if (!LEFT_OUT.has(name)) await copy(`${from}/${name}`, `${to}/${name}`);
  }
}
