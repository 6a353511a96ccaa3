/** fastavro and pyarrow, in one Python process for thousands of schemas: see `peer.py`. */
import { fileURLToPath } from "node:url";
import type { Schema } from "../../avro/support/random_schema.ts";

const SCRIPT = fileURLToPath(new URL("peer.py", import.meta.url));

/** What fastavro makes of one message: the text of its value and how many bytes it left, or what is wrong. */
export type Decoded =
  | { readonly text: string; readonly left: number }
  | { readonly error: string };

/** A Parquet file as pyarrow reads it. */
export interface ReadFile {
  readonly rows: number;
  readonly names: readonly string[];
  /** pyarrow's names of the types, `not null` behind those that are so. */
  readonly types: readonly string[];
  /** Texts of the cells, column by column. */
  readonly columns: readonly (readonly string[])[];
}

interface Waiter {
  resolve(answer: Record<string, unknown>): void;
  reject(error: Error): void;
}

/** Ends with its block; it cannot outlive us, as it ends where its input does. */
export class Peer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting: Waiter[] = [];
  readonly #read: Promise<void>;

  /** `python` has fastavro and pyarrow. */
  constructor(python: string) {
    this.#process = new Deno.Command(python, { args: [SCRIPT], stdin: "piped", stdout: "piped" }).spawn();
    this.#requests = this.#process.stdin.getWriter();
    this.#read = this.#readAnswers();
  }

  /** `values` in portable JSON, `plain` with full names. */
  async encode(
    schema: { readonly written: Schema; readonly plain: Schema },
    values: readonly unknown[],
  ): Promise<Uint8Array[]> {
    const { messages } = await this.#ask({ do: "encode", ...schema, values });
    return (messages as string[]).map((message) => Uint8Array.fromBase64(message));
  }

  async decode(written: Schema, messages: readonly Uint8Array[]): Promise<Decoded[]> {
    const texts = messages.map((message) => message.toBase64());
    return (await this.#ask({ do: "decode", written, messages: texts })).values as Decoded[];
  }

  async read(parquet: Uint8Array): Promise<ReadFile> {
    return await this.#ask({ do: "read", parquet: parquet.toBase64() }) as unknown as ReadFile;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#requests.close().catch(() => {});
    await this.#read;
    await this.#process.status;
  }

  async #ask(request: unknown): Promise<Record<string, unknown>> {
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    // Where one question of several has failed, nobody may wait for the others any more.
    answer.catch(() => {});
    await this.#requests.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
    return await answer;
  }

  /** Answers come in the order of the questions. */
  async #readAnswers(): Promise<void> {
    for await (const line of linesOf(this.#process.stdout)) {
      const { resolve, reject } = this.#waiting.shift()!;
      const answer = JSON.parse(line) as Record<string, unknown>;
      if (typeof answer.failure === "string") reject(new Error(`Python: ${answer.failure}`));
      else resolve(answer);
    }
    for (const { reject } of this.#waiting) reject(new Error("Python has ended"));
  }
}

/** Lines of many megabytes, each in one step. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of stream) {
    const [first, ...more] = decoder.decode(chunk, { stream: true }).split("\n");
    parts.push(first!);
    for (const part of more) {
      yield parts.join("");
      parts = [part];
    }
  }
}
