/**
 * A TCP proxy in front of Kafka brokers that understands requests: it can lose, hold, repeat and cut off any of them,
 * or their answers. Answers that name brokers are rewritten, so whoever starts at the proxy stays behind it: any
 * running cluster will do, and others reach it directly meanwhile.
 */

/** The api keys that tests look for. */
export const Api = {
  produce: 0,
  fetch: 1,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  joinGroup: 11,
  heartbeat: 12,
  leaveGroup: 13,
  syncGroup: 14,
} as const;

/** Requests that begin with a group's name. */
const GROUP_APIS: ReadonlySet<number> = new Set([
  Api.offsetCommit,
  Api.offsetFetch,
  Api.joinGroup,
  Api.heartbeat,
  Api.leaveGroup,
  Api.syncGroup,
]);
/** A delivery on a connection of its own is given up after this. */
const DELIVERY_TIMEOUT_MS = 20_000;

export interface ProxiedRequest {
  readonly api: number;
  readonly version: number;
  /** Of requests that begin with one. */
  readonly group: string | undefined;
  /**
   * Sends the request to the broker once more, or late, on a connection of its own; its answer goes nowhere. Resolves
   * when the broker has answered, false where it did not.
   */
  deliver(): Promise<boolean>;
}

/**
 * What becomes of a request:
 * - `pass`: as if there were no proxy;
 * - `lose`: the broker never sees it, the client waits;
 * - `mute`: the broker takes it, the client never hears of it;
 * - `break`: the broker never sees it, and the connection closes;
 * - `break-answer`: the broker takes it, and the connection closes in place of the answer;
 * - `twice`: the broker takes it twice in a row, the client hears of the first.
 */
export type Fate = "pass" | "lose" | "mute" | "break" | "break-answer" | "twice";

/** Decides about every request. What it awaits delays the request, and those behind it on the same connection. */
export type Decide = (request: ProxiedRequest) => Fate | Promise<Fate>;

export interface KafkaProxy extends AsyncDisposable {
  /** Where clients start. */
  readonly bootstrap: string;
  /** Closes all connections; new ones are served again. */
  disconnect(): void;
}

interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** What happens to the answer of a request that the broker was sent. */
interface Expected {
  readonly api: number;
  readonly version: number;
  readonly what: "forward" | "swallow" | "close";
}

export function startProxy(brokers: string, decide: Decide): KafkaProxy {
  return new TcpProxy(brokers, decide);
}

class TcpProxy implements KafkaProxy {
  readonly bootstrap: string;
  readonly #decide: Decide;
  /** Our listener's port by the broker's address. */
  readonly #ports = new Map<string, number>();
  readonly #listeners: Deno.Listener[] = [];
  readonly #connections = new Set<Deno.Conn>();
  #closed = false;

  constructor(brokers: string, decide: Decide) {
    this.#decide = decide;
    this.bootstrap = brokers.split(",").map((broker) => {
      const [hostname, port] = broker.split(":");
      return `127.0.0.1:${this.#portFor({ hostname: hostname!, port: Number(port) })}`;
    }).join(",");
  }

  disconnect(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const listener of this.#listeners) listener.close();
    this.disconnect();
    return Promise.resolve();
  }

  /** The port that stands for a broker; listens there from the first question on. */
  #portFor(broker: Address): number {
    const name = `${broker.hostname}:${broker.port}`;
    const known = this.#ports.get(name);
    if (known !== undefined) return known;
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listeners.push(listener);
    const { port } = listener.addr as Deno.NetAddr;
    this.#ports.set(name, port);
    void this.#accept(listener, broker);
    return port;
  }

  async #accept(listener: Deno.Listener, broker: Address): Promise<void> {
    try {
      for await (const client of listener) void this.#serve(client, broker);
    } catch (error) {
      if (!this.#closed) throw error;
    }
  }

  async #serve(client: Deno.Conn, broker: Address): Promise<void> {
    let server: Deno.Conn;
    try {
      server = await Deno.connect(broker);
    } catch {
      return close(client);
    }
    for (const connection of [client, server]) this.#connections.add(connection);
    const expected: Expected[] = [];
    const end = () => {
      for (const connection of [client, server]) {
        this.#connections.delete(connection);
        close(connection);
      }
    };
    void this.#answers({ client, server, expected }).catch(() => {}).finally(end);
    await this.#requests({ client, server, expected, broker }).catch(() => {}).finally(end);
  }

  async #requests({ client, server, expected, broker }: {
    client: Deno.Conn;
    server: Deno.Conn;
    expected: Expected[];
    broker: Address;
  }): Promise<void> {
    for await (const frame of frames(client)) {
      const header = parseRequest(frame);
      const { api, version } = header;
      const fate = await this.#decide({ ...header, deliver: () => deliver(frame, broker) });
      const send = async (what: Expected["what"]) => {
        expected.push({ api, version, what });
        await writeAll(server, frame);
      };
      switch (fate) {
        case "pass":
          await send("forward");
          break;
        case "mute":
          await send("swallow");
          break;
        case "break-answer":
          await send("close");
          break;
        case "twice":
          await send("forward");
          await send("swallow");
          break;
        case "break":
          return;
        case "lose":
          break;
      }
    }
  }

  async #answers({ client, server, expected }: {
    client: Deno.Conn;
    server: Deno.Conn;
    expected: Expected[];
  }): Promise<void> {
    for await (const frame of frames(server)) {
      const answer = expected.shift();
      if (answer === undefined || answer.what === "close") return;
      if (answer.what === "swallow") continue;
      this.#rewrite(frame, answer);
      await writeAll(client, frame);
    }
  }

  /** Puts our ports in the place of the brokers', which keep their name: all are on this host. */
  #rewrite(frame: Uint8Array, { api, version }: Expected): void {
    if (api !== Api.metadata && api !== Api.findCoordinator) return;
    const reader = new Reader(frame, 8);
    if (api === Api.findCoordinator) {
      if (version >= 1) reader.skip(4);
      const error = reader.int16();
      if (version >= 1) reader.string();
      reader.skip(4);
      if (error === 0) this.#rewriteAddress(reader);
      return;
    }
    if (version >= 3) reader.skip(4);
    for (let left = reader.int32(); left > 0; left--) {
      reader.skip(4);
      this.#rewriteAddress(reader);
      if (version >= 1) reader.string();
    }
  }

  #rewriteAddress(reader: Reader): void {
    const hostname = reader.string() ?? "";
    reader.setInt32((port) => this.#portFor({ hostname, port }));
  }
}

/** Walks over a frame's fields. */
class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  int16(): number {
    const value = this.#view.getInt16(this.#at);
    this.#at += 2;
    return value;
  }

  int32(): number {
    const value = this.#view.getInt32(this.#at);
    this.#at += 4;
    return value;
  }

  setInt32(change: (value: number) => number): void {
    this.#view.setInt32(this.#at, change(this.#view.getInt32(this.#at)));
    this.#at += 4;
  }

  string(): string | undefined {
    const length = this.int16();
    if (length < 0) return undefined;
    const text = new TextDecoder().decode(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return text;
  }
}

function parseRequest(frame: Uint8Array): Pick<ProxiedRequest, "api" | "version" | "group"> {
  const reader = new Reader(frame, 4);
  const api = reader.int16();
  const version = reader.int16();
  reader.skip(4);
  reader.string();
  return { api, version, group: GROUP_APIS.has(api) ? reader.string() : undefined };
}

/** Whole frames, the length in front included; each is a copy of its own. */
async function* frames(connection: Deno.Conn): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held = new Uint8Array(0);
  const chunk = new Uint8Array(64 * 1024);
  for (;;) {
    const count = await connection.read(chunk);
    if (count === null) return;
    const joined = new Uint8Array(held.length + count);
    joined.set(held);
    joined.set(chunk.subarray(0, count), held.length);
    held = joined;
    while (held.length >= 4) {
      const end = 4 + new DataView(held.buffer, held.byteOffset).getInt32(0);
      if (held.length < end) break;
      yield held.slice(0, end);
      held = held.subarray(end);
    }
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await connection.write(bytes.subarray(written));
}

async function deliver(frame: Uint8Array, broker: Address): Promise<boolean> {
  let connection: Deno.Conn;
  try {
    connection = await Deno.connect(broker);
  } catch {
    return false;
  }
  const timer = setTimeout(() => close(connection), DELIVERY_TIMEOUT_MS);
  try {
    await writeAll(connection, frame);
    for await (const _answer of frames(connection)) return true;
    return false;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    close(connection);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed from the other side at the same time.
  }
}
