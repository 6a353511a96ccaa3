/** Gathers log records that repeat, so that a flood becomes a line with a count. Pure: time is an argument. */
import type { LogRecord } from "@logtape/logtape";

/** Repeats within this time are gathered into one line. */
export const REPEAT_WINDOW_MS = 10_000;
/** So many information lines of a kind are written in a window before the rest of them is gathered. */
export const INFO_BURST = 20;
/** So many kinds are told apart; the oldest is written out for a new one. */
const KINDS_MAX = 1_000;

/** Of a record's properties these tell kinds apart, beside level, category and message template. */
const KEY_PROPERTIES = ["topic", "broker", "url"] as const;
/** These too, but for the limit: a topic of nothing but rubbish has a reason of its own for each record. */
const DETAIL_PROPERTIES = ["partition", "reason"] as const;
/** So many kinds may differ in the details alone; what more there are of them are one kind together. */
export const DETAILS_MAX = 20;
/**
 * A record with this property says that a trouble is over: what is held back of the same category, topic, broker and
 * URL is written before it, not seconds later as if it went on.
 */
const RECOVERED = "recovered";

interface Kind {
  /** Category and key properties. */
  readonly subject: string;
  /** What it shares with kinds that differ in the details. */
  readonly family: string;
  windowStartMs: number;
  written: number;
  held: Held | undefined;
}

/** Records held back since the last line. */
interface Held {
  count: number;
  last: LogRecord;
  /** Whether all are of one partition; their offsets make no span otherwise. */
  samePartition: boolean;
  /** Of the records that carry an `offset`. */
  firstOffset: bigint | undefined;
  lastOffset: bigint | undefined;
}

/**
 * Decides which records are written. One that stands for others carries the number of all as `repeated`, and where
 * they have offsets, `firstOffset` and `lastOffset`.
 */
export class Repeats {
  readonly #kinds = new Map<string, Kind>();
  /** How many kinds there are of a family. */
  readonly #families = new Map<string, number>();

  /** The records to write now that `record` came at `nowMs`: none, it, or others that were due before it. */
  accept(record: LogRecord, nowMs: number): LogRecord[] {
    const burst = burstOf(record);
    if (burst === Infinity) return [record];
    const { key, family } = this.#keyOf(record);
    const subject = subjectOf(record);
    // A worker's record was made a moment before it came here: lines before it must not seem to be later.
    const at = { nowMs, writtenMs: Math.min(nowMs, record.timestamp) };
    const out = this.#settle(key, at);
    const kind = this.#kinds.get(key);
    if (kind === undefined) {
      if (this.#kinds.size >= KINDS_MAX) out.push(...this.#evictOldest(nowMs));
      this.#kinds.set(key, { subject, family, windowStartMs: nowMs, written: 1, held: undefined });
      this.#families.set(family, (this.#families.get(family) ?? 0) + 1);
    } else if (kind.written < burst) kind.written++;
    else {
      kind.held = hold(kind.held, record);
      return out;
    }
    if (record.properties[RECOVERED] === true) out.push(...this.#endTroubles(key, subject, at));
    out.push(record);
    return out;
  }

  /** The lines that stand for records held back in windows that have ended by `nowMs`. */
  due(nowMs: number): LogRecord[] {
    return [...this.#kinds.keys()].flatMap((key) => this.#settle(key, { nowMs, writtenMs: nowMs }));
  }

  /** The lines for all that is held back; the end of the program. */
  flush(nowMs: number): LogRecord[] {
    const lines = [...this.#kinds.values()].flatMap((kind) => standIn(kind, { nowMs, writtenMs: nowMs }));
    this.#kinds.clear();
    this.#families.clear();
    return lines;
  }

  #keyOf(record: LogRecord): { key: string; family: string } {
    const family = keyOf(record, KEY_PROPERTIES);
    const key = keyOf(record, [...KEY_PROPERTIES, ...DETAIL_PROPERTIES]);
    const isOneTooMany = !this.#kinds.has(key) && (this.#families.get(family) ?? 0) >= DETAILS_MAX;
    return { key: isOneTooMany ? family : key, family };
  }

  /** Ends the kind's window if it is over, and gives the line for what it held back. */
  #settle(key: string, at: Moment): LogRecord[] {
    const kind = this.#kinds.get(key);
    if (kind === undefined || at.nowMs - kind.windowStartMs < REPEAT_WINDOW_MS) return [];
    const line = standIn(kind, at);
    if (line.length === 0) this.#forget(key, kind);
    // The flood may go on: its next line comes a window later, not at its next record.
    kind.windowStartMs = at.nowMs;
    kind.written = Infinity;
    kind.held = undefined;
    return line;
  }

  /**
   * The lines for all that is held of the subject besides `key`. Forgotten: what comes of it again is written at
   * once.
   */
  #endTroubles(key: string, subject: string, at: Moment): LogRecord[] {
    const lines: LogRecord[] = [];
    for (const [other, kind] of this.#kinds) {
      if (other === key || kind.subject !== subject) continue;
      this.#forget(other, kind);
      lines.push(...standIn(kind, at));
    }
    return lines;
  }

  #evictOldest(nowMs: number): LogRecord[] {
    for (const [key, kind] of this.#kinds) {
      this.#forget(key, kind);
      return standIn(kind, { nowMs, writtenMs: nowMs });
    }
    return [];
  }

  #forget(key: string, { family }: Kind): void {
    this.#kinds.delete(key);
    const others = (this.#families.get(family) ?? 1) - 1;
    if (others > 0) this.#families.set(family, others);
    else this.#families.delete(family);
  }
}

interface Moment {
  readonly nowMs: number;
  /** The timestamp of a line that is written now. */
  readonly writtenMs: number;
}

function burstOf(record: LogRecord): number {
  if (record.level === "warning" || record.level === "error" || record.level === "fatal") return 1;
  return record.level === "info" ? INFO_BURST : Infinity;
}

function keyOf(record: LogRecord, properties: readonly string[]): string {
  const template = typeof record.rawMessage === "string" ? record.rawMessage : record.rawMessage.join("{}");
  return JSON.stringify([record.level, record.category, template, valuesOf(record, properties)]);
}

function subjectOf(record: LogRecord): string {
  return JSON.stringify([record.category, valuesOf(record, KEY_PROPERTIES)]);
}

function valuesOf(record: LogRecord, properties: readonly string[]): string[] {
  return properties.map((name) => String(record.properties[name] ?? ""));
}

function hold(held: Held | undefined, record: LogRecord): Held {
  const offset = offsetOf(record);
  if (held === undefined) {
    return { count: 1, last: record, samePartition: true, firstOffset: offset, lastOffset: offset };
  }
  held.count++;
  held.samePartition &&= held.last.properties["partition"] === record.properties["partition"];
  held.last = record;
  if (offset === undefined) return held;
  if (held.firstOffset === undefined || offset < held.firstOffset) held.firstOffset = offset;
  if (held.lastOffset === undefined || offset > held.lastOffset) held.lastOffset = offset;
  return held;
}

function offsetOf({ properties: { offset } }: LogRecord): bigint | undefined {
  return typeof offset === "bigint" || Number.isInteger(offset)
    ? BigInt(offset as bigint | number)
    : undefined;
}

/** The last record that was held back, with the number and the offsets of all; nothing where none was. */
function standIn({ held, windowStartMs }: Kind, { nowMs, writtenMs }: Moment): LogRecord[] {
  if (held === undefined) return [];
  const { count, last, samePartition, firstOffset, lastOffset } = held;
  if (count === 1) return [{ ...last, timestamp: writtenMs }];
  const seconds = Math.max(1, Math.round((nowMs - windowStartMs) / 1_000));
  const hasSpan = samePartition && firstOffset !== undefined && lastOffset !== undefined;
  const offsets = hasSpan ? `, offsets ${firstOffset} to ${lastOffset}` : "";
  const message = [...last.message];
  message[message.length - 1] = `${message.at(-1)} (and ${count - 1} more in ${seconds} s${offsets})`;
  const span = hasSpan ? { firstOffset, lastOffset } : {};
  return [{
    ...last,
    message,
    timestamp: writtenMs,
    properties: { ...last.properties, repeated: count, ...span },
  }];
}
