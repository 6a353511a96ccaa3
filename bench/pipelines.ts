/** The programs that are compared from end to end: each archives a topic into a folder and ends. */
import { fileURLToPath } from "node:url";
import type { Toolchain } from "./toolchains.ts";

/** Where records come from and files go to. */
export interface Job {
  readonly brokers: string;
  readonly registry: string;
  readonly topic: string;
  readonly group: string;
  readonly rowsPerFile: number;
  /** How many records the topic holds, or are to be taken of it. */
  readonly records: number;
  readonly output: string;
  readonly schemaId: number;
  /** The schema's JSON, for the program that does not talk to the registry. */
  readonly schemaFile: string;
}

export interface Pipeline {
  readonly name: string;
  /** Slow ones take a part of the topic only: a rate needs no more, and the bench should end. */
  readonly takesPart: boolean;
  /** The records of two schema versions that alternate, in place of those of one. */
  readonly takesTwoVersions?: boolean;
  command(job: Job): readonly string[];
}

const MAIN = path("../main.ts");
const JAVASCRIPT = path("javascript/consumer.ts");
const PYTHON = path("python/consumer.py");

/** The name of the line that the others are compared with. */
export const ORIGINAL = "the original's Python";

/** This program, by the command that starts it: Deno with `main.ts`, or the binary. */
export function archiver(name: string, program: readonly string[], extra: readonly string[] = []): Pipeline {
  return {
    name,
    takesPart: false,
    command: (job) => [...program, ...servers(job), "--until-end", ...extra],
  };
}

/** The same program on records of two schema versions. */
export function onTwoVersions(pipeline: Pipeline): Pipeline {
  return { ...pipeline, name: `${pipeline.name}, two versions alternating`, takesTwoVersions: true };
}

export function fromSource(): readonly string[] {
  return [Deno.execPath(), "run", "-A", MAIN];
}

/** The compiled program, where there is one, and whether sources have changed since. */
export function binary(): { readonly file: string; readonly isOld: boolean } | undefined {
  const file = path("../dist/kafka2parquet");
  try {
    return { file, isOld: changedAtMs(file) < newestMs(path("../src")) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The flags by which the program finds servers, topic and folder. */
export function servers(
  job: Pick<Job, "brokers" | "registry" | "topic" | "group" | "rowsPerFile" | "output">,
) {
  return [
    ...["--brokers", job.brokers, "--registry", job.registry, "--topic", job.topic, "--group", job.group],
    ...["--rows", String(job.rowsPerFile), "--output", job.output],
  ];
}

export function javaScript(): Pipeline {
  return {
    name: "straightforward JavaScript",
    takesPart: true,
    command: (job) => [Deno.execPath(), "run", "-A", JAVASCRIPT, ...positional(job)],
  };
}

export function python(program: string): Pipeline {
  return { name: ORIGINAL, takesPart: true, command: (job) => [program, PYTHON, ...positional(job)] };
}

export function rust(program: string): Pipeline {
  return {
    name: "native Rust",
    takesPart: false,
    command: (job) => [
      ...[program, job.brokers, job.topic, job.group, String(job.rowsPerFile), String(job.records)],
      ...[job.output, String(job.schemaId), job.schemaFile],
    ],
  };
}

/** The pipeline of a toolchain that is there; says why not where it is not. */
export function ifThere(
  toolchain: Toolchain,
  make: (program: string) => Pipeline,
  say: (why: string) => void,
) {
  if ("program" in toolchain) return [make(toolchain.program)];
  say(toolchain.missing);
  return [];
}

function positional(job: Job): string[] {
  const { brokers, registry, topic, group, rowsPerFile, records, output } = job;
  return [brokers, registry, topic, group, String(rowsPerFile), String(records), output];
}

function newestMs(folder: string): number {
  let newest = 0;
  for (const entry of Deno.readDirSync(folder)) {
    const inside = `${folder}/${entry.name}`;
    newest = Math.max(newest, entry.isDirectory ? newestMs(inside) : changedAtMs(inside));
  }
  return newest;
}

function changedAtMs(file: string): number {
  return Deno.statSync(file).mtime?.getTime() ?? 0;
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
