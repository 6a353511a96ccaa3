import assert from "node:assert/strict";
import {
  parseClientProperties,
  parseProperties,
  readClientProperties,
} from "../../src/cli/client_properties.ts";
import { UserError } from "../../src/errors.ts";

/** Texts by option, without their keys. */
function textsOf(lines: readonly string[]): Record<string, string> {
  const { texts } = parseClientProperties(lines.join("\n"), "client.properties");
  return Object.fromEntries([...texts].map(([name, { texts }]) => [name, texts.join("|")]));
}

Deno.test("properties are read as Java reads them", () => {
  const text = [
    "# a comment",
    "! another",
    "",
    "a=1",
    "  b : 2 ",
    "c 3",
    "d = one \\",
    "    two",
    "e\\=f=g\\:h",
    "u=\\u00fc\\t.",
    "path=C:\\\\keys",
    "empty=",
    "odd=end\\\\",
    "last=a=b=c",
    "a=2",
  ].join("\r\n");
  assert.deepEqual([...parseProperties(text)], [
    ["a", "2"],
    ["b", "2"],
    ["c", "3"],
    ["d", "one two"],
    ["e=f", "g:h"],
    ["u", "ü\t."],
    ["path", "C:\\keys"],
    ["empty", ""],
    ["odd", "end\\"],
    ["last", "a=b=c"],
  ]);
});

Deno.test("librdkafka's own keys have no escapes", () => {
  const options = textsOf(["sasl.username=me", "sasl.password=a\\b\\\\c\\", "ssl.ca.location=/etc/ca.pem"]);
  assert.deepEqual(options, {
    "sasl-username": "me",
    "sasl-password": "a\\b\\\\c\\",
    "tls-ca": "/etc/ca.pem",
  });
});

Deno.test("a Java client's file for a cloud cluster", () => {
  assert.deepEqual(
    textsOf([
      "bootstrap.servers=broker-1:9092,broker-2:9092",
      "security.protocol=SASL_SSL",
      "sasl.mechanism=PLAIN",
      "sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule   required username='ignored' " +
      'username="KEY" password="se\\\\"cr;et=";',
      "basic.auth.credentials.source=USER_INFO",
      "schema.registry.url=https://registry:8081",
      "basic.auth.user.info=RKEY:r:secret",
    ]),
    {
      brokers: "broker-1:9092,broker-2:9092",
      "security-protocol": "SASL_SSL",
      "sasl-mechanism": "PLAIN",
      "sasl-username": "KEY",
      "sasl-password": 'se"cr;et=',
      registry: "https://registry:8081",
      "registry-username": "RKEY",
      "registry-password": "r:secret",
    },
  );
});

Deno.test("OAUTHBEARER, as Java and as librdkafka have it", () => {
  const wanted = {
    "oauth-token-url": "https://issuer/token",
    "oauth-client-id": "id",
    "oauth-client-secret": "secret",
    "oauth-scope": "kafka",
    "oauth-extensions": "logicalCluster=lkc-1,identityPoolId=pool-2",
  };
  const url = "sasl.oauthbearer.token.endpoint.url=https://issuer/token";
  assert.deepEqual(
    textsOf([
      url,
      "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required " +
      'clientId="id" clientSecret="secret" scope="kafka" extension_logicalCluster="lkc-1" extension_identityPoolId="pool-2";',
      "sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
    ]),
    wanted,
  );
  assert.deepEqual(
    textsOf([
      url,
      "sasl.oauthbearer.method=oidc",
      "sasl.oauthbearer.client.id=id",
      "sasl.oauthbearer.client.secret=secret",
      "sasl.oauthbearer.scope=kafka",
      "sasl.oauthbearer.extensions=logicalCluster=lkc-1,identityPoolId=pool-2",
    ]),
    wanted,
  );
});

Deno.test("PEM key stores, passwords of keys, and checks that are taken out", () => {
  assert.deepEqual(
    textsOf([
      "ssl.keystore.type=PEM",
      "ssl.keystore.location=/k/both.pem",
      "ssl.keystore.password=opens",
      "ssl.truststore.location=/k/ca.pem",
      "ssl.endpoint.identification.algorithm=",
    ]),
    {
      "tls-cert": "/k/both.pem",
      "tls-key": "/k/both.pem",
      "tls-key-password": "opens",
      "tls-ca": "/k/ca.pem",
      "tls-check-name": "false",
    },
  );
  assert.deepEqual(
    textsOf(["ssl.endpoint.identification.algorithm=https", "enable.ssl.certificate.verification=false"]),
    { "tls-check-name": "true", "tls-insecure": "true" },
  );
});

Deno.test("what is not used is told apart from what nobody knows", () => {
  const keys = ["group.id", "auto.offset.reset", "key.deserializer", "ssl.protocol", "sasl.passwort", "foo"];
  const { unused, unknown, texts } = parseClientProperties(keys.map((key) => `${key}=x`).join("\n"), "c");
  assert.deepEqual(unused, ["group.id", "auto.offset.reset", "key.deserializer", "ssl.protocol"]);
  assert.deepEqual(unknown, ["sasl.passwort", "foo"]);
  assert.equal(texts.size, 0);
});

for (
  const [name, text, message, hint] of [
    [
      "a Java key store",
      "ssl.truststore.location=/k/trust.jks",
      /no PEM file but a Java key store: \/k\/trust\.jks/,
      /keytool/,
    ],
    ["PKCS12", "ssl.keystore.location=/k/x\nssl.keystore.type=PKCS12", /no PEM file but PKCS12/, /keytool/],
    [
      "Kerberos",
      "sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required;",
      /Krb5LoginModule/,
      /SCRAM/,
    ],
    ["half a line", "sasl.jaas.config=username", /no line of a login module/, /PlainLoginModule required/],
  ] as const
) {
  Deno.test(`${name} in client.properties is refused with what to do`, () => {
    assert.throws(() => parseClientProperties(text, "client.properties"), (error) => {
      assert(error instanceof UserError);
      assert.match(error.message, message);
      assert.match(error.hint ?? "", hint);
      assert.equal(error.exitCode, 78);
      return true;
    });
  });
}

Deno.test("a client.properties that is not there is a wrong configuration", async () => {
  await assert.rejects(readClientProperties("no/such"), {
    message: "Cannot read the Kafka client's file no/such: no such file",
    exitCode: 78,
  });
});
