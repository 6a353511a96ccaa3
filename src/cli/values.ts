/**
 * From the text that a user wrote to a value with a unit. Every parser throws {@link InvalidValue}, whose
 * message continues `… is ` and whose hint says what would be right; the caller knows where the text came from.
 */

import type { MaxErrors, StartPosition } from "../config.ts";

/** What is wrong with a value, without where it came from. */
export class InvalidValue extends Error {
  override readonly name = "InvalidValue";
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

const DURATION_UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const SIZE_UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  ki: 2 ** 10,
  kib: 2 ** 10,
  mi: 2 ** 20,
  mib: 2 ** 20,
  gi: 2 ** 30,
  gib: 2 ** 30,
};

/** A share below one record of a thousand says no more than the least of these. */
const SHARE_PERCENT: Range = { min: 0.1, max: 99.9 };

const COUNT_UNIT: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6 };

const DURATION_HINT = "Write a number with a unit: 250ms, 60s, 1m30s, 1h.";
const SIZE_HINT = "Write a number of bytes, with a unit if you like: 500k, 128MiB, 1GB.";
const COUNT_HINT = "Write a whole number: 1200, 100_000, 100k.";

/** Milliseconds of `60s`, `1m30s`, `250ms`, `1.5h`. A number without a unit is refused: it could mean anything. */
export function parseDurationMs(text: string, range: Range): number {
  const trimmed = text.trim();
  if (/^[\d.]+$/.test(trimmed)) throw new InvalidValue("a duration without a unit", DURATION_HINT);
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) throw new InvalidValue("no duration", DURATION_HINT);
  let sumMs = 0;
  for (const [, number, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    sumMs += Number(number) * DURATION_UNIT_MS[unit!]!;
  }
  return within(Math.round(sumMs), range, formatDurationMs);
}

/** Bytes of `128MiB`, `1GB`, `500k` or a bare number. */
export function parseSizeBytes(text: string, range: Range): number {
  return scaled(text, {
    units: SIZE_UNIT_BYTES,
    range,
    format: formatSizeBytes,
    what: "size",
    hint: SIZE_HINT,
  });
}

/** A count such as `1200`, `100_000` or `100k`. */
export function parseCount(text: string, range: Range, hint = COUNT_HINT): number {
  return scaled(text, { units: COUNT_UNIT, range, format: String, what: "whole number", hint });
}

interface Scale {
  readonly units: Readonly<Record<string, number>>;
  readonly range: Range;
  readonly format: (value: number) => string;
  readonly what: string;
  readonly hint: string;
}

function scaled(text: string, scale: Scale): number {
  const match = /^(\d[\d_]*(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const factor = match && scale.units[match[2]!.toLowerCase()];
  if (!match || factor === undefined) throw new InvalidValue(`no ${scale.what}`, scale.hint);
  const value = Number(match[1]!.replaceAll("_", "")) * factor!;
  // Of a product such as 1.1k the last binary digit may be off; of a whole number nothing may.
  const rounded = Math.round(value);
  if (Math.abs(value - rounded) > 1e-6) throw new InvalidValue(`no whole number of units`, scale.hint);
  return within(rounded, scale.range, scale.format);
}

function within(value: number, range: Range, format: (value: number) => string): number {
  if (value >= range.min && value <= range.max) return value;
  const side = value < range.min ? "too small" : "too large";
  throw new InvalidValue(side, `Choose from ${format(range.min)} to ${format(range.max)}.`);
}

/** `100` records, or `5%` of them. */
export function parseMaxErrors(text: string): MaxErrors {
  const hint = "Write a number of records, or a share of them: 100, 5%.";
  const [, number, sign] = /^(\d[\d_]*(?:\.\d+)?)\s*(%?)$/.exec(text.trim()) ?? [];
  if (number === undefined) throw new InvalidValue("neither a number of records nor a share", hint);
  if (sign === "") {
    return { kind: "count", records: parseCount(text, { min: 0, max: Number.MAX_SAFE_INTEGER }) };
  }
  const percent = Number(number.replaceAll("_", ""));
  // No share is above all.
  return { kind: "share", percent: within(percent, SHARE_PERCENT, (value) => `${value}%`) };
}

export function parseBoolean(text: string): boolean {
  const lower = text.trim().toLowerCase();
  if (["true", "1", "yes", "on"].includes(lower)) return true;
  if (["false", "0", "no", "off"].includes(lower)) return false;
  throw new InvalidValue("neither true nor false", "Write true or false.");
}

/** The parts of `a,b` over all texts, trimmed, without repeats; at least one. */
export function parseList(texts: readonly string[]): readonly string[] {
  const parts = texts.flatMap((text) => text.split(",")).map((part) => part.trim()).filter((part) =>
    part !== ""
  );
  if (parts.length === 0) throw new InvalidValue("an empty list", "Name at least one, separated by commas.");
  return [...new Set(parts)];
}

/** As {@link parseList}, but commas within a `/regex/` are its own: no topic has a slash in its name. */
export function parseTopics(texts: readonly string[]): readonly string[] {
  const patterns = texts.filter((text) => /^\/[^/]+\/$/.test(text.trim())).map((text) => text.trim());
  const lists = texts.filter((text) => !patterns.includes(text.trim()));
  if (lists.length === 0 && patterns.length > 0) return [...new Set(patterns)];
  return [...new Set([...parseList(lists), ...patterns])];
}

/** `host:port`, as Kafka clients need it. */
export function parseBroker(text: string): string {
  const example = "Write HOST:PORT, for instance kafka:9092.";
  if (text.includes("://")) throw new InvalidValue("a URL", `${example} A broker has no scheme.`);
  const match = /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/i.exec(text);
  if (!match) {
    throw /^[^\s:/@]+$/.test(text)
      ? new InvalidValue("a broker without a port", `Write ${text}:9092 if it listens on the usual port.`)
      : new InvalidValue("no broker address", example);
  }
  const port = Number(match[2]);
  if (port < 1 || port > 65_535) {
    throw new InvalidValue("a broker with an impossible port", "Ports are 1 to 65535.");
  }
  return text;
}

/** `HOST:PORT`, `:PORT` for all addresses of this host, a port alone for this host only, or `off`. */
export function parseHttpAddress(text: string): { readonly host: string; readonly port: number } | "off" {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === "off") return "off";
  const hint = "Write HOST:PORT, such as 127.0.0.1:8080, :8080 for all addresses of this host, or off.";
  if (trimmed.includes("://")) throw new InvalidValue("a URL", hint);
  const match = /^(?:(\[[0-9a-f:.]+\]|[^\s:/@[\]]*):)?(\d{1,5})$/.exec(trimmed);
  if (!match) throw new InvalidValue("no address to listen at", hint);
  const port = Number(match[2]);
  if (port > 65_535) throw new InvalidValue("an impossible port", "Ports are 1 to 65535, or 0 for any.");
  const [, host = "127.0.0.1"] = match;
  return { host: host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port };
}

/** The base URL of a schema registry, without a slash at its end. */
export function parseRegistryUrl(text: string): string {
  const hint = "Write its URL, for instance http://schema-registry:8081.";
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    throw new InvalidValue("no http(s) URL", hint);
  }
  if (url.search !== "" || url.hash !== "") throw new InvalidValue("a URL with a query or fragment", hint);
  return text.replace(/\/+$/, "");
}

/** A topic's name by Kafka's own rule. */
export function parseTopic(text: string): string {
  if (text.length > 2 && text.startsWith("/") && text.endsWith("/")) return parsePattern(text);
  if (/^[a-zA-Z0-9._-]{1,249}$/.test(text) && text !== "." && text !== "..") return text;
  throw new InvalidValue(
    "no topic name",
    "Kafka allows up to 249 letters, digits, dots, hyphens and underscores.",
  );
}

/** A pattern between slashes, which whole topic names match. */
function parsePattern(text: string): string {
  try {
    new RegExp(text.slice(1, -1));
    return text;
  } catch (error) {
    throw new InvalidValue(`no pattern: ${error instanceof Error ? error.message : error}`, "Write /regex/.");
  }
}

/** `earliest`, `latest`, `files`, or a time as ISO 8601 has it; without a zone it is UTC. */
export function parseStart(text: string): StartPosition {
  if (text === "earliest" || text === "latest" || text === "files") return text;
  const isTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  const atMs = isTime
    ? Date.parse(/T.*(Z|[+-]\d{2}:\d{2})$/.test(text) || !text.includes("T") ? text : `${text}Z`)
    : NaN;
  if (Number.isFinite(atMs)) return { atMs };
  throw new InvalidValue(
    "neither earliest, latest, files nor a time",
    "Write a time as 2026-01-31, 2026-01-31T08:30 or 2026-01-31T08:30:00Z.",
  );
}

/** The path of a folder on this host. */
export function parseFolder(text: string): string {
  if (text.trim() === "") throw new InvalidValue("empty", "Name a folder.");
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    throw new InvalidValue("no folder of this host", "Name a local folder.");
  }
  if (text.includes("\0")) throw new InvalidValue("no path: it holds a NUL character", "Name a folder.");
  return text;
}

/** Where an issuer gives tokens. */
export function parseTokenUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && ["http:", "https:"].includes(url.protocol) && url.hostname !== "") return text;
  throw new InvalidValue("no http(s) URL", "Write its URL, for instance https://issuer/oauth2/token.");
}

/** `name=text,name=text`, as SASL's extensions. */
export function parseExtensions(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").map((pair) => /^\s*([A-Za-z]+)=([\t\r\n -~]+?)\s*$/.exec(pair));
  if (pairs.some((pair) => pair === null || pair[1] === "auth")) {
    throw new InvalidValue(
      "no list of NAME=TEXT",
      "Write for instance logicalCluster=lkc-1,identityPoolId=pool-2.",
    );
  }
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, pair![2]!]));
}

/** Any text with at least one character. */
export function parseText(text: string): string {
  if (text === "") throw new InvalidValue("empty", "Write at least one character.");
  return text;
}

/** One of `choices`. */
export function parseChoice<T extends string>(text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new InvalidValue(
    "not among the choices",
    `Choose ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}.`,
  );
}

/** `90000` as `1m30s`. */
export function formatDurationMs(valueMs: number): string {
  let restMs = valueMs;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"]) {
    const count = Math.floor(restMs / DURATION_UNIT_MS[unit]!);
    restMs -= count * DURATION_UNIT_MS[unit]!;
    if (count > 0) text += `${count}${unit}`;
  }
  return text || "0ms";
}

/** `134217728` as `128MiB`. */
export function formatSizeBytes(valueBytes: number): string {
  for (const unit of ["gib", "mib", "kib"]) {
    const scale = SIZE_UNIT_BYTES[unit]!;
    if (valueBytes >= scale && valueBytes % scale === 0) {
      return `${valueBytes / scale}${unit[0]!.toUpperCase()}iB`;
    }
  }
  return String(valueBytes);
}
