/** A small issuer of tokens: the client credentials grant, with tokens that Kafka's unsecured validator takes. */

export interface IssuerOptions {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Of each token. */
  readonly lifeSeconds: number;
}

export interface Issuer extends AsyncDisposable {
  readonly tokenUrl: string;
  /** Tokens given so far. */
  readonly tokens: readonly string[];
  /** What the next answer is, if not a token. */
  answer: "token" | "error" | "bad token";
}

export function startIssuer({ clientId, clientSecret, lifeSeconds }: IssuerOptions): Issuer {
  const tokens: string[] = [];
  const credentials = `Basic ${btoa(`${clientId}:${clientSecret}`)}`;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const form = new URLSearchParams(await request.text());
    if (request.headers.get("authorization") !== credentials) {
      return Response.json({ error: "invalid_client", error_description: "no such client" }, { status: 401 });
    }
    if (form.get("grant_type") !== "client_credentials") {
      return Response.json({ error: "unsupported_grant_type" }, { status: 400 });
    }
    if (issuer.answer === "error") return new Response("out of order", { status: 503 });
    const token = issuer.answer === "bad token" ? "no.token.atall" : unsecuredToken(clientId, lifeSeconds);
    tokens.push(token);
    return Response.json({ access_token: token, token_type: "Bearer", expires_in: lifeSeconds });
  });
  const issuer: Issuer = {
    tokenUrl: `http://127.0.0.1:${server.addr.port}/oauth2/token`,
    tokens,
    answer: "token",
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return issuer;
}

/** A JSON web token without a signature. */
function unsecuredToken(subject: string, lifeSeconds: number): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  const id = crypto.randomUUID();
  return `${part({ alg: "none" })}.${part({ sub: subject, iat: now, exp: now + lifeSeconds, jti: id })}.`;
}
