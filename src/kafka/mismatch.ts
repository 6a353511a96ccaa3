/**
 * Two sides that expect different protocols tell each other nothing: the broker hangs up. What it would have understood
 * is found by asking in the other ways.
 */
import { Buffer } from "node:buffer";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import { ExitCode, UserError } from "../errors.ts";
import { MECHANISMS } from "../security.ts";
import { speaksTls, tlsOptions } from "../tls.ts";
import type { Access } from "./access.ts";
import type { Address } from "./requests.ts";

const ASK_TIMEOUT_MS = 3_000;
const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;
const NO_ERROR = 0;
const UNSUPPORTED_MECHANISM = 33;
/** Ours is a question of a few bytes, with an answer of a few hundred. */
const ANSWER_BYTES_MAX = 1 << 16;

/**
 * Why a broker hangs up on us at once, where asking it in other ways tells.
 *
 * @returns undefined where it stays unknown.
 */
export async function explainHangUp(
  { host, port }: Address,
  access: Access,
): Promise<UserError | undefined> {
  const name = `${host}:${port}`;
  const { protocol } = access.security;
  const ask = (api: number, body: Buffer, withTls: boolean) => {
    const options = { host, port, ...(isIP(host) === 0 && { servername: host }) };
    // Nothing secret is sent, and a certificate that is not believed has been told of already.
    const socket = withTls
      ? connectTls({ ...tlsOptions(access.tls), ...options, rejectUnauthorized: false })
      : connect({ host, port });
    return askOn(socket, api, body);
  };
  const withTls = access.ssl !== undefined;
  if (!withTls && await speaksTls(host, port)) {
    const right = protocol.replace("plaintext", "ssl");
    return problem(
      `The broker ${name} speaks TLS on this port, and security protocol ${protocol} does not`,
      `Write --security-protocol ${right}, and name its authority with --tls-ca if it is not a public one.`,
    );
  }
  if (withTls && await ask(API_VERSIONS, Buffer.alloc(0), false) !== undefined) {
    return problem(
      `The broker ${name} does not speak TLS on this port`,
      `Name its TLS port, or write --security-protocol ${
        protocol === "ssl" ? "plaintext" : "sasl_plaintext"
      } if the network is safe.`,
    );
  }
  if (access.sasl === undefined) {
    const answer = await ask(SASL_HANDSHAKE, text("PLAIN"), withTls);
    const offered = answer && readMechanisms(answer);
    if (offered === undefined) return undefined;
    const known = offered.map((one) => one.toLowerCase()).filter((one) =>
      MECHANISMS.some((own) => own === one)
    );
    return problem(
      `The broker ${name} asks for SASL credentials: it offers ${offered.join(", ")}`,
      `Write --security-protocol ${withTls ? "sasl_ssl" : "sasl_plaintext"} --sasl-mechanism ${
        known[0] ?? MECHANISMS.join("|")
      } with --sasl-username and KAFKA2PARQUET_SASL_PASSWORD.`,
    );
  }
  return undefined;
}

/** The mechanisms that a broker offers, asked for with one that it has not. */
export async function offeredMechanisms(
  { host, port }: Address,
  access: Access,
): Promise<readonly string[] | undefined> {
  const options = { host, port, ...(isIP(host) === 0 && { servername: host }) };
  const socket = access.ssl === undefined
    ? connect({ host, port })
    : connectTls({ ...access.ssl, ...options });
  const answer = await askOn(socket, SASL_HANDSHAKE, text("NONE"));
  return answer && readMechanisms(answer);
}

/** The answer without its header, or undefined where there is none that a broker would give. */
function askOn(socket: Socket, api: number, body: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const done = (answer?: Buffer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(done, ASK_TIMEOUT_MS);
    let received = Buffer.alloc(0);
    socket.on("error", () => done());
    socket.on("close", () => done());
    socket.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 8) return;
      const size = received.readInt32BE(0);
      if (size < 4 || size > ANSWER_BYTES_MAX || received.readInt32BE(4) !== 1) return done();
      if (received.length >= 4 + size) done(received.subarray(8, 4 + size));
    });
    socket.write(question(api, body));
  });
}

/** Version 0 of ApiVersions, version 1 of SaslHandshake; correlation id 1. */
function question(api: number, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeInt16BE(api, 0);
  header.writeInt16BE(api === SASL_HANDSHAKE ? 1 : 0, 2);
  header.writeInt32BE(1, 4);
  const message = Buffer.concat([header, text("kafka2parquet"), body]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(message.length);
  return Buffer.concat([size, message]);
}

function text(value: string): Buffer {
  const size = Buffer.alloc(2);
  size.writeInt16BE(Buffer.byteLength(value));
  return Buffer.concat([size, Buffer.from(value)]);
}

/** Of an answer to SaslHandshake; undefined where the listener has no SASL. */
function readMechanisms(answer: Buffer): string[] | undefined {
  const code = answer.readInt16BE(0);
  if (code !== NO_ERROR && code !== UNSUPPORTED_MECHANISM) return undefined;
  const mechanisms: string[] = [];
  let at = 6;
  for (let left = answer.readInt32BE(2); left > 0 && at + 2 <= answer.length; left--) {
    const size = answer.readInt16BE(at);
    mechanisms.push(answer.subarray(at + 2, at + 2 + size).toString());
    at += 2 + size;
  }
  return mechanisms;
}

function problem(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.config });
}
