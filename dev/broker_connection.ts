/** One connection to a broker that can do one thing: append a finished record batch to a partition. */
import { Buffer } from "node:buffer";

const PRODUCE_KEY = 0;
/** Same layout as version 3; the first one in which brokers accept zstd. */
const PRODUCE_VERSION = 7;
const PRODUCE_TIMEOUT_MS = 30_000;
const CLIENT_ID = "kafka2parquet-dev";
const ACKS_LEADER = 1;

export class BrokerConnection implements Disposable {
  readonly #connection: Deno.Conn;
  #correlationId = 0;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async open(hostname: string, port: number): Promise<BrokerConnection> {
    return new BrokerConnection(await Deno.connect({ hostname, port }));
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  /**
   * Appends a batch and waits for the leader's answer.
   *
   * @throws {Error} with Kafka's error code where the broker refuses.
   */
  async produce(topic: string, partition: number, batch: Uint8Array): Promise<void> {
    await this.#write(
      produceHeader({ topic, partition, batchBytes: batch.length, correlationId: this.#correlationId++ }),
    );
    await this.#write(batch);
    const size = (await this.#read(4)).readInt32BE(0);
    const answer = await this.#read(size);
    // Correlation id, one topic with its name, one partition with its index; then the error code.
    const errorCode = answer.readInt16BE(4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4);
    if (errorCode !== 0) {
      throw new Error(`Kafka refused a batch for ${topic}/${partition}: error code ${errorCode}`);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.#connection.write(bytes.subarray(done));
  }

  async #read(size: number): Promise<Buffer> {
    const bytes = Buffer.alloc(size);
    for (let done = 0; done < size;) {
      const count = await this.#connection.read(bytes.subarray(done));
      if (count === null) throw new Error("Kafka closed the connection");
      done += count;
    }
    return bytes;
  }
}

interface ProduceHeader {
  readonly topic: string;
  readonly partition: number;
  readonly batchBytes: number;
  readonly correlationId: number;
}

/** Everything of a produce request that stands before the batch. */
function produceHeader({ topic, partition, batchBytes, correlationId }: ProduceHeader): Buffer {
  const parts = [
    int16(PRODUCE_KEY),
    int16(PRODUCE_VERSION),
    int32(correlationId),
    string(CLIENT_ID),
    // No transaction.
    int16(-1),
    int16(ACKS_LEADER),
    int32(PRODUCE_TIMEOUT_MS),
    int32(1),
    string(topic),
    int32(1),
    int32(partition),
    int32(batchBytes),
  ];
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length + batchBytes), body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
}
