import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Access } from "../../src/kafka/access.ts";
import { OauthTokens } from "../../src/kafka/oauth.ts";
import { authenticator, LoginRefused, type SaslContext } from "../../src/kafka/sasl.ts";
import { DEFAULT_TLS, NO_KAFKA_SECURITY } from "../../src/security.ts";
import { startIssuer } from "../support/issuer.ts";

/** A broker that gives these answers, the bytes of a refusal or an error, one after the other. */
function brokerOf(answers: readonly (string | Error)[]): { context: SaslContext; sent: string[] } {
  const sent: string[] = [];
  const context: SaslContext = {
    host: "broker",
    port: 9092,
    async saslAuthenticate({ request, response }) {
      const bytes = await request.encode();
      assert.equal(bytes.readInt32BE(0), bytes.length - 4);
      sent.push(bytes.subarray(4).toString());
      const answer = answers[sent.length - 1]!;
      if (answer instanceof Error) throw answer;
      const body = Buffer.from(answer);
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length);
      return await response.parse(await response.decode(Buffer.concat([length, body])));
    },
  };
  return { context, sent };
}

const REFUSED = Object.assign(new Error("no such user"), { type: "SASL_AUTHENTICATION_FAILED" });
const BROKEN = new Error("Closed connection");

async function byToken(answers: readonly (string | Error)[]) {
  await using issuer = startIssuer({ clientId: "c", clientSecret: "s", lifeSeconds: 100 });
  const oauth = {
    tokenUrl: issuer.tokenUrl,
    clientId: "c",
    clientSecret: "s",
    extensions: { logicalCluster: "lkc-1", identityPoolId: "pool-2" },
    tls: DEFAULT_TLS,
  };
  const { context, sent } = brokerOf(answers);
  const outcome = await authenticator({ tokens: new OauthTokens(oauth), oauth })(context).authenticate()
    .then(() => "in", (error: unknown) => error);
  return { outcome, sent, token: issuer.tokens[0]! };
}

Deno.test("a token goes to the broker as RFC 7628 has it, with its extensions", async () => {
  const { outcome, sent, token } = await byToken([""]);
  assert.equal(outcome, "in");
  assert.deepEqual(sent, [
    `n,,\x01auth=Bearer ${token}\x01logicalCluster=lkc-1\x01identityPoolId=pool-2\x01\x01`,
  ]);
});

Deno.test("a refused token is a refusal, after the answer that the broker waits for", async () => {
  const { outcome, sent } = await byToken(['{"status":"invalid_token"}', REFUSED]);
  assert(outcome instanceof LoginRefused);
  assert.match(outcome.message, /no such user/);
  assert.equal(sent[1], "\x01");
});

Deno.test("a connection that breaks while logging in is no refusal", async () => {
  assert.equal((await byToken([BROKEN])).outcome, BROKEN);
  // As kafkajs's own exchanges do, which wrap whatever went wrong.
  const builtIn = (context: SaslContext) => ({
    async authenticate() {
      const encode = () => Promise.resolve(Buffer.from([0, 0, 0, 0]));
      const response = {
        decode: (bytes: Buffer) => Promise.resolve(bytes),
        parse: (bytes: Buffer) => Promise.resolve(bytes),
      };
      try {
        await context.saslAuthenticate({ request: { encode }, response });
      } catch {
        throw new Error("SASL PLAIN authentication failed");
      }
    },
  });
  const login = (error: Error) => authenticator({ builtIn })(brokerOf([error]).context).authenticate();
  await assert.rejects(login(BROKEN), BROKEN);
  await assert.rejects(login(REFUSED), LoginRefused);
});

Deno.test("a refusal is final before anybody has let us in, and a minute after the last who did", () => {
  const access = new Access(NO_KAFKA_SECURITY, () => () => ({ authenticate: () => Promise.resolve() }));
  assert.equal(access.refused(0), true);
  access.accepted();
  assert.equal(access.refused(1_000), false);
  assert.equal(access.refused(60_000), false);
  assert.equal(access.refused(61_001), true);
  access.accepted();
  assert.equal(access.refused(70_000), false);
});
