/**
 * Producers that go on whatever the brokers do, and write down what they know: the intent before a record is sent, the
 * outcome after it is certain. What they could not learn is read back from Kafka at the end.
 */
import { Buffer } from "node:buffer";
import type { Kafka, Message, Producer } from "kafkajs";
import { onTheWire } from "../../dev/wire.ts";
import type { Random } from "../../dev/random.ts";
import { sleep } from "../../src/wait.ts";
import { event, TYPE } from "../integration/events.ts";

export type Kind = "row" | "dead_letter" | "skipped";
type Outcome = "committed" | "aborted" | "unknown";

export interface ProducerOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly partitions: number;
  readonly schemaId: number;
  readonly isTransactional: boolean;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: ProducerLog;
  readonly stop: AbortSignal;
}

/** Numbers that no two records share. */
export class Ids {
  #last = 0;

  take(count: number): number[] {
    return Array.from({ length: count }, () => ++this.#last);
  }

  get taken(): number {
    return this.#last;
  }
}

/** One JSON line for each batch before it is sent, and one when it is known what became of it. */
export class ProducerLog implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #outcomes = new Map<number, Outcome>();

  constructor(path: string) {
    this.#file = Deno.openSync(path, { create: true, write: true, truncate: true });
  }

  sending(topic: string, ids: readonly number[]): void {
    for (const id of ids) this.#outcomes.set(id, "unknown");
    this.#write({ sending: ids, topic });
  }

  settled(ids: readonly number[], outcome: Outcome): void {
    for (const id of ids) this.#outcomes.set(id, outcome);
    this.#write({ settled: ids, outcome });
  }

  /** By id. */
  get outcomes(): ReadonlyMap<number, Outcome> {
    return this.#outcomes;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #write(line: unknown): void {
    const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
  }
}

const PAUSE_MS_MAX = 400;
const BATCH_RECORDS_MAX = 60;
/** Short, so that a transaction that is left open holds the others up for seconds only. */
const TRANSACTION_TIMEOUT_MS = 4_000;
/** After an error: a producer of kafkajs that has failed once is not asked again. */
const RETRY_MS = 500;

/** Produces until `stop`, with a new producer after each error. */
export async function produce(options: ProducerOptions): Promise<void> {
  while (!options.stop.aborted) {
    const producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: true,
      maxInFlightRequests: 1,
      ...(options.isTransactional
        ? { transactionalId: `chaos-${crypto.randomUUID()}`, transactionTimeout: TRANSACTION_TIMEOUT_MS }
        : {}),
    });
    try {
      await producer.connect();
      let isUsable = true;
      while (isUsable && !options.stop.aborted) {
        isUsable = options.isTransactional
          ? await sendTransaction(producer, options)
          : await sendPlainly(producer, options);
        await sleep(options.random.below(PAUSE_MS_MAX), options.stop);
      }
    } catch {
      // Whatever it was, the records that it was about are written down as unknown.
      await sleep(RETRY_MS, options.stop);
    } finally {
      await producer.disconnect().catch(() => {});
    }
  }
}

async function sendPlainly(producer: Producer, options: ProducerOptions): Promise<boolean> {
  const { topic, log } = options;
  const { ids, messages } = makeMessages(options);
  log.sending(topic, ids);
  await producer.send({ topic, messages });
  log.settled(ids, "committed");
  return true;
}

/** @returns false where the transaction was left open, and the producer with it. */
async function sendTransaction(producer: Producer, options: ProducerOptions): Promise<boolean> {
  const { topic, log, random } = options;
  const end = random.pick(["commit", "commit", "commit", "abort", "abort", "open"] as const);
  const batches = Array.from({ length: 1 + random.below(3) }, () => makeMessages(options));
  const ids = batches.flatMap((batch) => batch.ids);
  log.sending(topic, ids);
  const transaction = await producer.transaction();
  for (const { messages } of batches) await transaction.send({ topic, messages });
  if (end === "open") return false;
  await transaction[end]();
  log.settled(ids, end === "commit" ? "committed" : "aborted");
  return true;
}

/** Records for one partition, now and then a bad one or a tombstone among them. */
function makeMessages(options: ProducerOptions): { ids: number[]; messages: Message[] } {
  const { random, schemaId } = options;
  const partition = random.below(options.partitions);
  const ids = options.ids.take(1 + random.below(BATCH_RECORDS_MAX));
  const messages = ids.map((id) => {
    const kind = random.chance(0.01) ? "dead_letter" : random.chance(0.01) ? "skipped" : "row";
    return { partition, key: keyOf(id, kind), value: valueOf(id, kind, schemaId) };
  });
  return { ids, messages };
}

/** What the record's key says of it: {@link parseKey} reads it back. */
function keyOf(id: number, kind: Kind): string {
  return `${id} ${kind}`;
}

export function parseKey(key: string): { id: number; kind: Kind } {
  const [id, kind] = key.split(" ");
  return { id: Number(id), kind: kind as Kind };
}

function valueOf(id: number, kind: Kind, schemaId: number): Buffer | null {
  switch (kind) {
    case "row":
      return onTheWire(schemaId, TYPE.toBuffer(event(id)));
    case "dead_letter":
      return Buffer.from("no wire header");
    case "skipped":
      return null;
  }
}
