/** TLS as all rooms that connect to something use it: options of a connection, and what its errors mean. */
import { isIP } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";

import { ExitCode, UserError } from "./errors.ts";
import type { TlsSettings } from "./security.ts";

const LOOK_TIMEOUT_MS = 3_000;

/** What a user calls the settings, for hints. */
export interface TlsNames {
  /** `broker kafka:9093`. */
  readonly what: string;
  /** `--tls-ca`. */
  readonly ca: string;
  /** `--tls-cert and --tls-key`. */
  readonly cert: string;
}

/** The certificate that a server shows, as far as errors are about it. */
interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly names: string;
  readonly from: Date;
  readonly to: Date;
}

/** As `node:tls` and `node:https` take them. */
export function tlsOptions(tls: TlsSettings): ConnectionOptions {
  return {
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(!tls.checkName && { checkServerIdentity: () => undefined }),
    rejectUnauthorized: !tls.insecure,
  };
}

/** Whether the error code says that TLS itself has failed: by what the two sides are, not by the network. */
export function isTlsError(code: unknown): code is string {
  return typeof code === "string" && (
    code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "CERT_HAS_EXPIRED" ||
    code.startsWith("ERR_SSL_") || code.startsWith("UNABLE_TO_") || code.includes("SELF_SIGNED_CERT") ||
    code.startsWith("CERT_") || code.startsWith("ERR_OSSL_")
  );
}

/** What a TLS error means, after a look at the certificate that the server shows. */
export async function explainTls(
  code: string,
  message: string,
  { host, port, tls, names }: {
    readonly host: string;
    readonly port: number;
    readonly tls: TlsSettings;
    readonly names: TlsNames;
  },
): Promise<UserError> {
  const { what, ca, cert } = names;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return problem(
      `The ${what} does not speak TLS on this port`,
      "Name its TLS port, or connect without TLS.",
    );
  }
  if (/ALERT_/.test(code)) {
    const alert = code.replace(/^.*ALERT_/, "").toLowerCase().replaceAll("_", " ");
    if (!/certificate|unknown ca|access|denied|decrypt/.test(alert)) {
      return problem(`The ${what} refuses TLS with us: ${alert}`, "See the server's log for the reason.");
    }
    return tls.cert === undefined
      ? problem(`The ${what} asks for a client certificate: ${alert}`, `Give one with ${cert}.`)
      : problem(
        `The ${what} refuses our client certificate: ${alert}`,
        `Check that the certificate of ${cert} has not expired, and that the server trusts its issuer.`,
      );
  }
  const shown = await look(host, port, tls);
  const now = new Date();
  if (shown !== undefined && shown.to < now) {
    return problem(
      `The certificate of the ${what} expired on ${day(shown.to)}`,
      "Renew the server's certificate.",
    );
  }
  if (shown !== undefined && shown.from > now) {
    return problem(
      `The certificate of the ${what} is not valid before ${day(shown.from)}`,
      "Check the clocks of both hosts.",
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return problem(
      `The certificate of the ${what} is not for the name ${host}` + (shown ? ` but for ${shown.names}` : ""),
      "Use a name that the certificate holds, or have one made for this name.",
    );
  }
  const trusted = tls.ca === undefined ? "a public authority" : `an authority in ${ca}`;
  return problem(
    `The certificate of the ${what} is not from ${trusted}` +
      (shown ? `: it is from ${JSON.stringify(shown.issuer)}` : `: ${message}`),
    `Give the PEM file with the certificate of its authority as ${ca}.`,
  );
}

function problem(message: string, hint: string): UserError {
  return new UserError(message, { hint, exitCode: ExitCode.config });
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** The certificate that the server shows whoever calls, checked by nobody; nothing is sent. */
function look(host: string, port: number, tls: TlsSettings): Promise<ShownCertificate | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      ...tlsOptions(tls),
      host,
      port,
      rejectUnauthorized: false,
      ...(isIP(host) === 0 && { servername: host }),
    });
    const done = (shown?: ShownCertificate) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(shown);
    };
    const timer = setTimeout(done, LOOK_TIMEOUT_MS);
    socket.on("error", () => done());
    socket.on("close", () => done());
    socket.on("secureConnect", () => {
      const { subject, issuer, subjectaltname, valid_from, valid_to } = socket.getPeerCertificate();
      if (valid_to === undefined) return done();
      const name = String(subject?.CN ?? "");
      done({
        subject: name,
        issuer: String(issuer?.CN ?? issuer?.O ?? ""),
        names: (subjectaltname ?? name).replaceAll("IP Address:", "").replaceAll("DNS:", ""),
        from: new Date(valid_from),
        to: new Date(valid_to),
      });
    });
  });
}

/** Whether somebody answers a TLS greeting at this address. */
export async function speaksTls(host: string, port: number): Promise<boolean> {
  return await look(host, port, { checkName: false, insecure: true }) !== undefined;
}
