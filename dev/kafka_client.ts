/** kafkajs as the development tools and the tests use it: quiet, and able to write the codecs that it lacks. */
import { Buffer } from "node:buffer";
import { zstdCompressSync } from "node:zlib";
import { snappyCompress } from "hysnappy";
import kafkajs, { Kafka, type KafkaConfig } from "kafkajs";
// @deno-types="./request_queue.d.ts"
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";

const { CompressionCodecs, CompressionTypes, logLevel } = kafkajs;

const CONNECT_TIMEOUT_MS = 5_000;
const RETRIES_MAX = 20;

export const PRODUCER_CODECS = ["none", "gzip", "snappy", "zstd"] as const;
export type ProducerCodec = typeof PRODUCER_CODECS[number];

/** The number by which Kafka knows a codec. */
export function codecNumber(codec: ProducerCodec): number {
  const numbers = {
    none: CompressionTypes.None,
    gzip: CompressionTypes.GZIP,
    snappy: CompressionTypes.Snappy,
    zstd: CompressionTypes.ZSTD,
  };
  return numbers[codec];
}

/** A client for `host:port` addresses separated by commas. It retries for about half a minute, and logs nothing. */
export function kafkaClient(brokers: string, config: Partial<KafkaConfig> = {}): Kafka {
  mendOnce();
  return new Kafka({
    clientId: "kafka2parquet-dev",
    brokers: brokers.split(","),
    logLevel: logLevel.NOTHING,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: RETRIES_MAX },
    ...config,
  });
}

let mended = false;

function mendOnce(): void {
  if (mended) return;
  mended = true;
  // kafkajs arms a timer with a negative time for each request, which warns on standard error and wakes up every
  // millisecond. It is needed only where requests wait.
  const arm = RequestQueue.prototype.scheduleCheckPendingRequests;
  RequestQueue.prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) arm.call(this);
  };
  addCodec(CompressionTypes.Snappy, (bytes) => Buffer.from(snappyCompress(bytes)));
  addCodec(CompressionTypes.ZSTD, (bytes) => zstdCompressSync(bytes));
}

/** Reading is left as it is: whoever reads brings a decompressor. */
function addCodec(type: number, compress: (bytes: Uint8Array) => Buffer): void {
  const codecs = CompressionCodecs as Record<number, () => unknown>;
  const original = codecs[type];
  codecs[type] = () => ({
    compress: (encoder: { buffer: Buffer }) => Promise.resolve(compress(encoder.buffer)),
    decompress: (bytes: Buffer) =>
      (original?.() as { decompress(bytes: Buffer): Promise<Buffer> }).decompress(bytes),
  });
}
