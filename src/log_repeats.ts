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

interface Kind {
  windowStartMs: number;
  written: number;
  /** Records held back since the last line. */
  repeats: number;
  last: LogRecord;
}

/** Decides which records are written; one that stands for others carries their number as `repeated`. */
export class Repeats {
  readonly #kinds = new Map<string, Kind>();

  /** The records to write now that `record` came at `nowMs`: none, it, or others that were due before it. */
  accept(record: LogRecord, nowMs: number): LogRecord[] {
    const burst = burstOf(record);
    if (burst === Infinity) return [record];
    const key = keyOf(record);
    const out = this.#settle(key, nowMs);
    const kind = this.#kinds.get(key);
    if (kind === undefined) {
      if (this.#kinds.size >= KINDS_MAX) out.push(...this.#evictOldest(nowMs));
      this.#kinds.set(key, { windowStartMs: nowMs, written: 1, repeats: 0, last: record });
      out.push(record);
    } else if (kind.written < burst) {
      kind.written++;
      out.push(record);
    } else {
      kind.repeats++;
      kind.last = record;
    }
    return out;
  }

  /** The lines that stand for records held back in windows that have ended by `nowMs`. */
  due(nowMs: number): LogRecord[] {
    return [...this.#kinds.keys()].flatMap((key) => this.#settle(key, nowMs));
  }

  /** The lines for all that is held back; the end of the program. */
  flush(nowMs: number): LogRecord[] {
    const kinds = [...this.#kinds.values()].filter(({ repeats }) => repeats > 0);
    this.#kinds.clear();
    return kinds.map((kind) => standIn(kind, nowMs));
  }

  /** Ends the kind's window if it is over, and gives the line for what it held back. */
  #settle(key: string, nowMs: number): LogRecord[] {
    const kind = this.#kinds.get(key);
    if (kind === undefined || nowMs - kind.windowStartMs < REPEAT_WINDOW_MS) return [];
    if (kind.repeats === 0) {
      this.#kinds.delete(key);
      return [];
    }
    const line = standIn(kind, nowMs);
    // The flood may go on: its next line comes a window later, not at its next record.
    kind.windowStartMs = nowMs;
    kind.written = Infinity;
    kind.repeats = 0;
    return [line];
  }

  #evictOldest(nowMs: number): LogRecord[] {
    for (const [key, kind] of this.#kinds) {
      this.#kinds.delete(key);
      return kind.repeats > 0 ? [standIn(kind, nowMs)] : [];
    }
    return [];
  }
}

function burstOf(record: LogRecord): number {
  if (record.level === "warning" || record.level === "error" || record.level === "fatal") return 1;
  return record.level === "info" ? INFO_BURST : Infinity;
}

function keyOf(record: LogRecord): string {
  const template = typeof record.rawMessage === "string" ? record.rawMessage : record.rawMessage.join("{}");
  const values = KEY_PROPERTIES.map((name) => String(record.properties[name] ?? ""));
  return JSON.stringify([record.level, record.category, template, values]);
}

/** The kind's last record, with the number of those that it stands for. */
function standIn({ last, repeats, windowStartMs }: Kind, nowMs: number): LogRecord {
  const seconds = Math.max(1, Math.round((nowMs - windowStartMs) / 1_000));
  const message = [...last.message];
  message[message.length - 1] = `${message.at(-1)} (repeated ${repeats} times in ${seconds} s)`;
  return { ...last, message, properties: { ...last.properties, repeated: repeats } };
}
