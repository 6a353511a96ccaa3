/**
 * The one file that touches kafkajs, which is untyped below its front door. What we take from it: connections with
 * TLS and SASL, version negotiation, and the encoders and decoders of requests. What we leave: its consumer, group
 * membership, offset management, retries and metadata cache.
 */
// deno-lint-ignore-file no-explicit-any
import { getLogger } from "@logtape/logtape";
import type { Socket } from "node:net";
import { ExitCode, messageOf, UserError } from "../errors.ts";
import type { KafkaSecurity } from "../security.ts";
import { explainTls, isTlsError } from "../tls.ts";
import { Access } from "./access.ts";
import { offeredMechanisms } from "./mismatch.ts";
import type { Address, RawFetchAnswer, Requests } from "./requests.ts";

const log = getLogger(["kafka2parquet", "kafka", "kafkajs"]);

const CONNECT_TIMEOUT_MS = 5_000;
const AUTHENTICATION_TIMEOUT_MS = 10_000;
/**
 * A login that ends by itself is renewed before the first request in its last ten seconds, or in its last fifth: who
 * renews more than once a second is refused.
 */
const RENEW_LOGIN_MS_MAX = 10_000;
const RENEW_LOGIN_PART = 0.2;
/** The code of a connection that was closed before it was open. */
const CLOSED_EARLY = "CLOSED_EARLY";
/** kafkajs's own poll of requests that wait for the end of a throttle. */
const THROTTLE_CHECK_MS_MIN = 10;
/** Index of the connection that kafkajs keeps for fetches, and of the one for everything else. */
const FETCH_CONNECTION = 1;
const MAIN_CONNECTION = 0;

/** The broker could not be reached, hung up, or did not answer in time. The request may have been carried out. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly broker: string;
  /** The broker was there, and closed the connection. */
  readonly hungUp: boolean;

  constructor(broker: string, message: string, { hungUp = false }: { readonly hungUp?: boolean } = {}) {
    super(message);
    this.broker = broker;
    this.hungUp = hungUp;
  }
}

/** What each member tells the group, and what the leader tells each member, in the consumer protocol's encoding. */
export interface AssignmentCodec {
  encodeSubscription(topics: readonly string[]): Uint8Array;
  decodeSubscription(bytes: Uint8Array): string[];
  encodeAssignment(partitions: ReadonlyMap<string, readonly number[]>): Uint8Array;
  decodeAssignment(bytes: Uint8Array): Map<string, number[]>;
}

/** kafkajs, loaded and mended. */
export interface Kafkajs {
  link(address: Address, options: LinkOptions): BrokerLink;
  access(security: KafkaSecurity): Access;
  readonly assignments: AssignmentCodec;
}

export interface LinkOptions {
  readonly clientId: string;
  readonly access: Access;
}

interface Modules {
  readonly Broker: any;
  readonly ConnectionPool: any;
  readonly socketFactory: any;
  readonly requests: any;
  readonly apiKeys: any;
}

let loaded: Promise<Kafkajs> | undefined;

/** Loads kafkajs at the first call: it costs 70 ms, which `--help` should not pay. */
export function loadKafkajs(): Promise<Kafkajs> {
  return loaded ??= load();
}

async function load(): Promise<Kafkajs> {
  const [broker, pool, sockets, requests, keys, queue, assigner, plain, scram256, scram512] = await Promise
    .all([
      import("kafkajs/src/broker/index.js") as Promise<any>,
      import("kafkajs/src/network/connectionPool.js") as Promise<any>,
      import("kafkajs/src/network/socketFactory.js") as Promise<any>,
      import("kafkajs/src/protocol/requests/index.js") as Promise<any>,
      import("kafkajs/src/protocol/requests/apiKeys.js") as Promise<any>,
      import("kafkajs/src/network/requestQueue/index.js") as Promise<any>,
      import("kafkajs/src/consumer/assignerProtocol.js") as Promise<any>,
      import("kafkajs/src/broker/saslAuthenticator/plain.js") as Promise<any>,
      import("kafkajs/src/broker/saslAuthenticator/scram256.js") as Promise<any>,
      import("kafkajs/src/broker/saslAuthenticator/scram512.js") as Promise<any>,
    ]);
  mendThrottleTimer(queue.default);
  const modules: Modules = {
    Broker: broker.default,
    ConnectionPool: pool.default,
    socketFactory: noticing(sockets.default()),
    requests: requests.default.requests,
    apiKeys: keys.default,
  };
  const methods: Record<string, any> = {
    "PLAIN": plain.default,
    "SCRAM-SHA-256": scram256.default,
    "SCRAM-SHA-512": scram512.default,
  };
  const builtIn = (mechanism: string, credentials: object) => {
    const method = methods[mechanism](credentials);
    return (context: object) => method({ ...context, logger: KAFKAJS_LOGGER });
  };
  return {
    link: (address, options) => new BrokerLink(modules, address, options),
    access: (security) => new Access(security, builtIn),
    assignments: assignmentCodec(assigner.default),
  };
}

/**
 * kafkajs re-arms `setTimeout(throttledUntil - now)` after every request although nothing waits: the delay is
 * about minus the time since 1970, which prints a warning and wakes the process every millisecond for each
 * connection. Armed only when a request waits, an idle consumer costs a tenth of the CPU.
 */
function mendThrottleTimer(RequestQueue: any): void {
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: any) {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
    const delayMs = Math.max(this.throttledUntil - Date.now(), THROTTLE_CHECK_MS_MIN);
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, delayMs);
  };
}

/** kafkajs waits for ever where a socket is closed before it is open, as in the middle of a TLS handshake. */
function noticing(socketFactory: (options: any) => Socket): (options: any) => Socket {
  return (options) => {
    let open = false;
    const socket = socketFactory({
      ...options,
      onConnect: () => {
        open = true;
        options.onConnect();
      },
    });
    socket.once("end", () => {
      if (open) return;
      socket.destroy(Object.assign(new Error("the broker closed the connection"), { code: CLOSED_EARLY }));
    });
    return socket;
  };
}

/**
 * The connections to one broker: one for fetches, one for everything else, made when needed. A failure or a
 * timeout closes both, so that no late answer can be taken for another one; the next request connects anew.
 */
export class BrokerLink {
  readonly address: string;
  readonly #modules: Modules;
  readonly #target: Address;
  readonly #clientId: string;
  readonly #access: Access;
  #broker: any;
  /** One connection attempt at a time: kafkajs would open a second socket and lose the first. */
  readonly #connecting = new Map<number, Promise<void>>();

  constructor(modules: Modules, target: Address, { clientId, access }: LinkOptions) {
    this.#modules = modules;
    this.#target = target;
    this.#clientId = clientId;
    this.#access = access;
    this.address = `${target.host}:${target.port}`;
  }

  get isConnected(): boolean {
    return this.#broker !== undefined && this.#broker.isConnected();
  }

  /**
   * One request, one answer.
   *
   * @throws {ConnectionError} where there is no answer within `timeoutMs`.
   * @throws {UserError} where the broker does not know the request, or refuses us, or shows a certificate that is not
   * to be believed.
   */
  async request<K extends keyof Requests>(
    api: K,
    args: Requests[K]["args"],
    options: { readonly timeoutMs: number },
  ): Promise<Requests[K]["answer"]> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const message = `${this.address} did not answer ${api} within ${options.timeoutMs} ms`;
      timer = setTimeout(() => reject(new ConnectionError(this.address, message)), options.timeoutMs);
    });
    try {
      const answer = await Promise.race([this.#send(api, args), timeout]);
      this.#access.accepted();
      return answer;
    } catch (error) {
      this.close();
      throw await this.#explain(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the sockets at once; requests under way fail with a {@link ConnectionError}. */
  close(): void {
    const broker = this.#broker;
    this.#broker = undefined;
    this.#connecting.clear();
    if (broker === undefined) return;
    for (const connection of broker.connectionPool.pool) hangUp(connection);
  }

  async #send<K extends keyof Requests>(api: K, args: Requests[K]["args"]): Promise<any> {
    const broker = this.#broker ??= this.#newBroker();
    await this.#ready(broker, api === "Fetch" ? FETCH_CONNECTION : MAIN_CONNECTION);
    if (this.#access.sasl !== undefined) renewInTime(broker);
    const { requests, apiKeys } = this.#modules;
    const protocol = broker.lookupRequest(apiKeys[api], requests[api])(args);
    const response = api === "Fetch" ? rawFetch(protocol.request.apiVersion) : {
      decode: protocol.response.decode,
      parse: (decoded: unknown) => decoded,
    };
    return await broker.connectionPool.send({ request: protocol.request, response });
  }

  #ready(broker: any, index: number): Promise<void> {
    const connection = broker.connectionPool.pool[index];
    if (connection.isConnected() && broker.versions !== null) return Promise.resolve();
    let connecting = this.#connecting.get(index);
    if (connecting === undefined) {
      connecting = connect(broker, connection).finally(() => {
        if (this.#broker === broker) this.#connecting.delete(index);
        // Closed while the socket was not open yet: nobody else would close it.
        else hangUp(connection);
      });
      // Whoever asked may have given up in the meantime.
      connecting.catch(() => {});
      this.#connecting.set(index, connecting);
    }
    return connecting;
  }

  #newBroker(): any {
    const { Broker, ConnectionPool, socketFactory } = this.#modules;
    const connectionPool = new ConnectionPool({
      ...this.#target,
      clientId: this.#clientId,
      socketFactory,
      ssl: this.#access.ssl ?? null,
      sasl: this.#access.sasl ?? null,
      logger: KAFKAJS_LOGGER,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: CONNECT_TIMEOUT_MS,
      // Our own timer is armed for each request; kafkajs's would wake up ten times a second.
      enforceRequestTimeout: false,
    });
    return new Broker({
      connectionPool,
      logger: KAFKAJS_LOGGER,
      authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
      allowAutoTopicCreation: false,
    });
  }

  async #explain(error: any): Promise<Error> {
    if (error instanceof ConnectionError || error instanceof UserError) return error;
    const name = String(error?.name);
    if (name === "KafkaJSServerDoesNotSupportApiKey" || error?.type === "UNSUPPORTED_VERSION") {
      return new UserError(
        `The broker ${this.address} does not know a request that is needed: ${error.message}`,
        {
          hint: "Use Kafka 0.11 or later.",
          cause: error,
        },
      );
    }
    const refusal = await this.#refusal(error);
    if (refusal !== undefined) {
      return this.#access.refused() ? refusal : new ConnectionError(this.address, refusal.message);
    }
    const hungUp = name === "KafkaJSConnectionClosedError" || error?.code === CLOSED_EARLY ||
      error?.code === "ECONNRESET" || error?.code === "EPIPE";
    return new ConnectionError(this.address, messageOf(error), { hungUp });
  }

  /** What the error says to a person, where it says that one side does not let the other in. */
  async #refusal(error: any): Promise<UserError | undefined> {
    const { host, port } = this.#target;
    if (isTlsError(error?.code)) {
      const what = `broker ${this.address}`;
      const names = { what, ca: "--tls-ca", cert: "--tls-cert and --tls-key" };
      const message = messageOf(error).replace(/^Connection error: /, "");
      return await explainTls(error.code, message, { host, port, tls: this.#access.tls, names });
    }
    const problem = (message: string, hint: string) =>
      new UserError(message, { hint, exitCode: ExitCode.config, cause: error });
    const mechanism = this.#access.sasl?.mechanism;
    if (error?.name === "LoginRefused") {
      return problem(
        `The broker ${this.address} refuses the credentials: ${messageOf(error)}`,
        mechanism === "OAUTHBEARER"
          ? "Check that the broker trusts the issuer of oauth-token-url, and the scope."
          : `Check sasl-username and sasl-password, and that they were made for ${mechanism}.`,
      );
    }
    if (error?.type === "UNSUPPORTED_SASL_MECHANISM") {
      const offered = await offeredMechanisms(this.#target, this.#access);
      return problem(
        `The broker ${this.address} does not offer ${mechanism}` +
          (offered ? ` but ${offered.join(", ")}` : ""),
        "Choose another one with --sasl-mechanism.",
      );
    }
    if (error?.type === "ILLEGAL_SASL_STATE") {
      return problem(
        `The broker ${this.address} wants no SASL credentials on this port`,
        `Name another port, or write --security-protocol ${
          this.#access.ssl ? "ssl" : "plaintext"
        } without them.`,
      );
    }
    return undefined;
  }
}

/** kafkajs renews ten seconds before the end of a login, however short it is. */
function renewInTime(broker: any): void {
  for (const connection of broker.connectionPool.pool) {
    connection.reauthenticationThreshold = Math.min(
      RENEW_LOGIN_MS_MAX,
      // kafkajs makes an integer of 64 bits of it.
      Math.round(Number(connection.sessionLifetime) * RENEW_LOGIN_PART),
    );
  }
}

async function connect(broker: any, connection: any): Promise<void> {
  await broker.connect();
  if (!connection.isConnected()) await connection.connect();
}

function hangUp(connection: any): void {
  const reason = new Error("Connection closed");
  reason.name = "KafkaJSConnectionClosedError";
  connection.rejectRequests(reason);
  // With an error, so that kafkajs's handler ends an attempt to connect and its timer.
  connection.socket?.destroy(reason);
  connection.disconnect().catch(() => {});
}

/** Leaves the fetch response as bytes; kafkajs only needs to see how long the broker wants it to be silent. */
function rawFetch(apiVersion: number) {
  return {
    decode: (payload: Uint8Array) => {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      return Promise.resolve({
        apiVersion,
        payload,
        clientSideThrottleTime: apiVersion >= 8 ? view.getInt32(0) : 0,
      });
    },
    parse: (answer: RawFetchAnswer) => answer,
  };
}

function assignmentCodec({ MemberMetadata, MemberAssignment }: any): AssignmentCodec {
  return {
    encodeSubscription: (topics) => MemberMetadata.encode({ version: 0, topics }),
    decodeSubscription: (bytes) => MemberMetadata.decode(bytes).topics,
    encodeAssignment: (partitions) =>
      MemberAssignment.encode({ version: 0, assignment: Object.fromEntries(partitions) }),
    decodeAssignment: (bytes) =>
      new Map(Object.entries<number[]>(MemberAssignment.decode(bytes)?.assignment ?? {})),
  };
}

type KafkajsLog = (message: string, properties?: Record<string, unknown>) => void;

/** kafkajs calls ordinary events of a cluster errors, and repeats them: what matters we log ourselves. */
const KAFKAJS_LOGGER = (() => {
  const remark: KafkajsLog = (message, properties) => log.debug("{message}", { message, ...properties });
  const detail: KafkajsLog = (message, properties) => log.trace("{message}", { message, ...properties });
  const logger = { error: remark, warn: remark, info: detail, debug: detail, namespace: () => logger };
  return logger;
})();
