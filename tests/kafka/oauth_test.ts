import assert from "node:assert/strict";
import { UserError } from "../../src/errors.ts";
import { IssuerAway, OauthTokens } from "../../src/kafka/oauth.ts";
import { redact } from "../../src/secrets.ts";
import { DEFAULT_TLS } from "../../src/security.ts";
import { type Issuer, startIssuer } from "../support/issuer.ts";

const CLIENT = { clientId: "a client", clientSecret: "secret+of/it%" };

function tokensOf(
  issuer: Pick<Issuer, "tokenUrl">,
  clock: { nowMs: number },
  clientSecret = CLIENT.clientSecret,
) {
  const settings = { ...CLIENT, clientSecret, tokenUrl: issuer.tokenUrl, extensions: {}, tls: DEFAULT_TLS };
  return new OauthTokens(settings, () => clock.nowMs);
}

Deno.test("a token is used until four fifths of its life are over, by all who ask", async () => {
  await using issuer = startIssuer({ ...CLIENT, lifeSeconds: 100 });
  const clock = { nowMs: 0 };
  const tokens = tokensOf(issuer, clock);
  const [first, same] = await Promise.all([tokens.current(), tokens.current()]);
  assert.equal(first, same);
  clock.nowMs = 79_999;
  assert.equal(await tokens.current(), first);
  clock.nowMs = 80_000;
  assert.notEqual(await tokens.current(), first);
  assert.equal(issuer.tokens.length, 2);
});

Deno.test("while the issuer is out of order a good token serves on, and an expired one does not", async () => {
  await using issuer = startIssuer({ ...CLIENT, lifeSeconds: 100 });
  const clock = { nowMs: 0 };
  const tokens = tokensOf(issuer, clock);
  const first = await tokens.current();
  issuer.answer = "error";
  clock.nowMs = 99_999;
  assert.equal(await tokens.current(), first);
  clock.nowMs = 100_000;
  await assert.rejects(
    tokens.current(),
    (error) => error instanceof IssuerAway && /HTTP 503/.test(error.message),
  );
  issuer.answer = "token";
  assert.notEqual(await tokens.current(), first);
});

Deno.test("a token that a broker has refused is not used again", async () => {
  await using issuer = startIssuer({ ...CLIENT, lifeSeconds: 100 });
  const tokens = tokensOf(issuer, { nowMs: 0 });
  const first = await tokens.current();
  tokens.forget(first);
  assert.notEqual(await tokens.current(), first);
});

Deno.test("an issuer that refuses the client is an error of the configuration, without the secret", async () => {
  await using issuer = startIssuer({ ...CLIENT, lifeSeconds: 100 });
  const clientSecret = "another-secret-2718";
  await assert.rejects(tokensOf(issuer, { nowMs: 0 }, clientSecret).current(), (error) => {
    assert(error instanceof UserError);
    assert.equal(error.exitCode, 78);
    assert.match(error.message, /invalid_client: no such client/);
    assert(!error.message.includes(clientSecret));
    return true;
  });
});

Deno.test("credentials are sent as they are, and encoded as in a form where that is refused", async () => {
  const seen: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const credentials = atob(request.headers.get("authorization")!.slice("Basic ".length));
    seen.push(credentials);
    if (credentials !== "a+client:secret%2Bof%2Fit%25") return Response.json({}, { status: 401 });
    return Response.json({ access_token: "the-token-of-the-day", expires_in: "100" });
  });
  const tokens = tokensOf({ tokenUrl: `http://127.0.0.1:${server.addr.port}/` }, { nowMs: 0 });
  assert.equal(await tokens.current(), "the-token-of-the-day");
  assert.deepEqual(seen, ["a client:secret+of/it%", "a+client:secret%2Bof%2Fit%25"]);
  assert.equal(redact("a line with the-token-of-the-day in it"), "a line with *** in it");
});

Deno.test("an issuer that is not there is waited for", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const tokens = tokensOf({ tokenUrl: `http://127.0.0.1:${port}/token?key=hidden-in-query` }, { nowMs: 0 });
  await assert.rejects(tokens.current(), (error) => {
    assert(error instanceof IssuerAway);
    assert(!error.message.includes("hidden-in-query"));
    return true;
  });
});
