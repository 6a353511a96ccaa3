/** `kafka2parquet redrive`: dead letters again, for people and scripts. */
import { join } from "node:path";

import { ExitCode, messageOf, UserError } from "../errors.ts";
import { armFaults, FAULT_VARIABLE } from "../fault.ts";
import { configureLogging, flushLogging, reportError } from "../log.ts";
import type { SchemaId } from "../model.ts";
import type { Report } from "../redrive/mod.ts";
import type { Registry } from "../registry/mod.ts";
import { hideSecrets } from "../secrets.ts";
import { ARCHIVE_OPTION, DRY_RUN_OPTION, JSON_OPTION } from "./commands.ts";
import { Output, OutputClosed, terminalWidth } from "./output.ts";
import { RedriveSums, reportAsJson, sumsAsJson, sumsAsLines } from "./redrive_format.ts";
import { resolveOption, type Sources, type Texts, valueOf, wantsColor } from "./resolve.ts";
import { resolveRegistrySecurity, secretsIn, warnOfRisks } from "./security.ts";
import { readSources } from "./sources.ts";

/** A person waits for the first answer. */
const REGISTRY_WAIT_MS = 5_000;
/** A registry that has answered before is waited for longer. */
const LOOKUP_WAIT_MS = 30_000;
/** As `run` names it, beside the dead-letter folder. */
const ARCHIVE_DEFAULT = "data";

/** Throws {@link UserError} where nothing more can be done; what was told of by then is done. */
export async function redrive(folder: string, flags: Texts): Promise<ExitCode> {
  armFaults(Deno.env.get(FAULT_VARIABLE));
  const { sources, tell } = await readSources(flags);
  const isJson = resolveOption(JSON_OPTION, { flags })!;
  const isDry = resolveOption(DRY_RUN_OPTION, { flags })!;
  const options = {
    output: resolveOption(ARCHIVE_OPTION, sources) ?? join(folder, "..", ARCHIVE_DEFAULT),
    separator: valueOf("separator", sources)!,
    metadata: valueOf("metadata", sources)!,
    include: valueOf("include", sources) ?? [],
    exclude: valueOf("exclude", sources) ?? [],
    compression: valueOf("compression", sources)!,
    rows: valueOf("rows", sources)!,
    bytes: valueOf("bytes", sources)!,
    dryRun: isDry,
  };
  await checkFolder(folder, "Name the folder that --dead-letter named when the files were written.");
  await checkFolder(options.output, "Name the folder of the archive's data files with --output.");
  const { registry, end } = await openRegistry(sources, tell);
  const lookup = (id: SchemaId) => lookUp(id, { registry, end });
  const sums = new RedriveSums();
  const output = new Output();
  try {
    // Loaded here, so that --help does not wait for it.
    const room = await import("../redrive/mod.ts");
    for await (const report of room.redrive(folder, { ...options, lookup })) {
      sums.add(report);
      flushLogging();
      tellProblems(report);
      if (isJson) write(output, [reportAsJson(report)]);
    }
  } finally {
    flushLogging();
    // Also where it ends by an error: what was done is done.
    if (isJson) write(output, [sumsAsJson(sums, { folder, isDry })]);
    else write(output, sumsAsLines(sums, { folder, isDry, width: terminalWidth(Infinity) }));
  }
  if (sums.failed > 0) return ExitCode.failure;
  const isLeft = sums.records > sums.redriven || sums.passedOver.publishing > 0;
  return isLeft ? ExitCode.deadLetters : ExitCode.ok;
}

/** What is done goes on where nobody reads of it. */
function write(output: Output, lines: readonly string[]): void {
  try {
    output.lines(lines);
    output.flush();
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error;
  }
}

function tellProblems(report: Report): void {
  if (report.kind === "failed") reportError(report.error);
  if (!("missing" in report) || report.missing.length === 0) return;
  reportError(
    new UserError(`Files that were prepared are gone: ${report.missing.join(", ")}`, {
      hint: "Somebody has moved or removed them. verify tells which dead letters are missing.",
    }),
  );
}

async function checkFolder(path: string, hint: string): Promise<void> {
  try {
    if (!(await Deno.stat(path)).isDirectory) throw new Error("it is no folder");
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw new UserError(`Cannot read ${path}: ${isMissing ? "no such folder" : messageOf(cause)}`, {
      hint,
      cause,
    });
  }
}

async function openRegistry(
  sources: Sources,
  tell: () => void,
): Promise<{ registry: Registry; end: AbortController }> {
  const urls = valueOf("registry", sources)!;
  const security = await resolveRegistrySecurity(sources);
  hideSecrets(secretsIn({ registrySecurity: security }, urls));
  configureLogging({ level: "warning", format: "text", color: wantsColor("auto", sources) });
  tell();
  warnOfRisks({ registrySecurity: security }, urls);
  const { Registry } = await import("../registry/mod.ts");
  const end = new AbortController();
  const registry = new Registry({ urls, signal: end.signal, security });
  await registry.ping(end.signal, REGISTRY_WAIT_MS).finally(flushLogging);
  return { registry, end };
}

/** The registry waits for as long as it takes; here somebody wants to know. */
async function lookUp(id: SchemaId, { registry, end }: { registry: Registry; end: AbortController }) {
  const timer = setTimeout(() =>
    end.abort(
      new UserError("The schema registry has stopped answering", {
        hint: "Start the redrive again when it is up: what was done is not done again.",
        exitCode: ExitCode.unavailable,
      }),
    ), LOOKUP_WAIT_MS);
  try {
    return await registry.schema(id);
  } finally {
    clearTimeout(timer);
  }
}
