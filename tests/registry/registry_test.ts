/** What a real registry cannot be made to answer on demand: a scripted HTTP server says it. */
import assert from "node:assert/strict";
import { Registry, type RegistryOptions } from "../../src/registry/mod.ts";
import { within } from "../support/wait.ts";

const SOON_MS = 10_000;

type Answer = { status: number; body?: unknown; text?: string };

async function withServer(
  answer: (path: string, count: number) => Answer | Promise<Answer>,
  use: (registry: Registry, requests: string[], url: string) => Promise<void>,
  options: Pick<RegistryOptions, "nowMs"> & { readonly urls?: (server: string) => string[] } = {},
): Promise<void> {
  const requests: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    requests.push(pathname);
    const { status, body, text } = await answer(pathname, requests.length);
    return new Response(text ?? JSON.stringify(body), {
      status,
      headers: { "content-type": text === undefined ? "application/json" : "text/html" },
    });
  });
  const stop = new AbortController();
  const url = `http://127.0.0.1:${server.addr.port}`;
  try {
    const { urls = (server) => [server], ...rest } = options;
    await use(
      new Registry({ urls: urls(url), signal: stop.signal, timeoutMs: 1_000, ...rest }),
      requests,
      url,
    );
  } finally {
    stop.abort();
    await server.shutdown();
  }
}

/** Sockets of the client's keep-alive outlive its promises. */
function registryTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn });
}

const AVRO = { status: 200, body: { schema: '"string"' } };
const NOT_FOUND = { status: 404, body: { error_code: 40403, message: "Schema 5 not found" } };

registryTest(
  "a found schema is asked for once, also by many at the same time",
  () =>
    withServer(() => AVRO, async (registry, requests) => {
      const lookups = await Promise.all([registry.schema(5), registry.schema(5), registry.schema(5)]);
      await registry.schema(5);
      assert.deepEqual(lookups.map(({ kind }) => kind), ["found", "found", "found"]);
      assert.deepEqual(requests, ["/schemas/ids/5"]);
    }),
);

registryTest(
  "an unknown id is remembered for a while",
  () =>
    withServer(() => NOT_FOUND, async (registry, requests) => {
      const reason = "schema 5 is not in the registry: Schema 5 not found";
      const expected = { kind: "unknown", id: 5, reason };
      assert.deepEqual(await registry.schema(5), expected);
      assert.deepEqual(await registry.schema(5), expected);
      assert.equal(requests.length, 1);
    }),
);

registryTest("errors of the server and pages of a proxy are repeated until there is an answer", () => {
  const script: Answer[] = [
    { status: 500, body: { error_code: 50001, message: "store" } },
    { status: 502, text: "<html>bad gateway</html>" },
    { status: 404, text: "<html>no such page</html>" },
    { status: 404, body: { title: "not found", status: 404 } },
    { status: 429, body: { error_code: 42900, message: "slow down" } },
    { status: 200, text: "<html>welcome</html>" },
    AVRO,
  ];
  return withServer((_, count) => script[count - 1]!, async (registry, requests) => {
    assert.equal((await registry.schema(5)).kind, "found");
    assert.equal(requests.length, script.length);
  });
});

registryTest("an answer that takes too long is asked for again", () => {
  const released = Promise.withResolvers<Answer>();
  return withServer((_, count) => count === 1 ? released.promise : AVRO, async (registry, requests) => {
    assert.equal((await registry.schema(5)).kind, "found");
    assert.equal(requests.length, 2);
    released.resolve(AVRO);
  });
});

/** A registry that takes every question and answers none, asked by one that would wait for an hour. */
function withSilence(
  use: (registry: Registry, context: { stop: AbortController; asked: Promise<void> }) => Promise<void>,
) {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<Answer>();
  return withServer(() => {
    asked.resolve();
    return released.promise;
  }, async (_registry, _requests, url) => {
    const stop = new AbortController();
    const registry = new Registry({ urls: [url], signal: stop.signal, timeoutMs: 3_600_000 });
    await use(registry, { stop, asked: asked.promise }).finally(() => released.resolve(AVRO));
  });
}

registryTest(
  "the end does not wait for a registry that is silent",
  () =>
    withSilence(async (registry, { stop, asked }) => {
      const lookup = registry.schema(5);
      await asked;
      stop.abort(new Error("stopped"));
      await assert.rejects(within(lookup, SOON_MS), { message: "stopped" });
    }),
);

registryTest(
  "a start that is broken off does not wait for a registry that is silent",
  () =>
    withSilence(async (registry, { asked }) => {
      const start = new AbortController();
      const ping = registry.ping(start.signal, 3_600_000);
      await asked;
      start.abort(new Error("stopped"));
      await assert.rejects(within(ping, SOON_MS), { message: "stopped" });
    }),
);

registryTest(
  "a silent registry is waited for as long as the start may take, whatever one request may",
  () =>
    withSilence(async (registry) => {
      await assert.rejects(within(registry.ping(new AbortController().signal, 100), SOON_MS), {
        name: "UserError",
        exitCode: 69,
        message: /^Cannot reach the schema registry at .*: no answer$/,
      });
    }),
);

registryTest(
  "refused credentials are an error of the configuration, without the password",
  () =>
    withServer(
      () => ({ status: 401, body: { error_code: 40101, message: "Unauthorized" } }),
      async (registry) => {
        await assert.rejects(registry.schema(5), { name: "UserError", exitCode: 78 });
        await assert.rejects(registry.ping(new AbortController().signal, 1_000), {
          name: "UserError",
          exitCode: 78,
        });
      },
    ),
);

registryTest(
  "schemas that are not Avro are found with their type",
  () =>
    withServer(() => ({ status: 200, body: { schema: "{}", schemaType: "JSON" } }), async (registry) => {
      assert.deepEqual(await registry.schema(5), {
        kind: "found",
        id: 5,
        schemaType: "JSON",
        text: "{}",
        references: [],
      });
    }),
);

registryTest(
  "references in a circle, or to what is not there, make the id unknown",
  () =>
    withServer((path) => {
      if (path === "/schemas/ids/6") {
        return {
          status: 200,
          body: { schema: "1", references: [{ name: "x", subject: "gone", version: 3 }] },
        };
      }
      if (path.startsWith("/subjects/gone")) {
        return { status: 404, body: { error_code: 40401, message: "no subject" } };
      }
      const version = Number(path.split("/").at(-1)) % 1000 + 1;
      return { status: 200, body: { schema: "1", references: [{ name: "x", subject: "deep", version }] } };
    }, async (registry) => {
      assert.deepEqual(await registry.schema(6), {
        kind: "unknown",
        id: 6,
        reason: "schema 6: reference x (gone version 3): no subject",
      });
      assert.deepEqual(await registry.schema(7), {
        kind: "unknown",
        id: 7,
        reason: "schema 7: references are nested more than 64 deep",
      });
    }),
);

registryTest(
  "the latest version of a subject is asked for each time, with what it refers to",
  () =>
    withServer((path, count) => {
      if (path === "/subjects/common/versions/2") return { status: 200, body: { schema: '"int"' } };
      const references = [{ name: "common", subject: "common", version: 2 }];
      return { status: 200, body: { id: 40 + count, version: count, schema: '"string"', references } };
    }, async (registry, requests) => {
      const expected = {
        kind: "found",
        subject: "a/b c",
        id: 41,
        version: 1,
        schemaType: "AVRO",
        text: '"string"',
        references: ['"int"'],
      };
      assert.deepEqual(await registry.latest("a/b c"), expected);
      assert.deepEqual(await registry.latest("a/b c"), { ...expected, id: 43, version: 3 });
      assert.equal(requests[0], "/subjects/a%2Fb%20c/versions/latest");
    }),
);

registryTest(
  "a subject that is not there is unknown; a registry that is away is waited for",
  () =>
    withServer(
      (_, count) =>
        count === 1
          ? { status: 503, body: {} }
          : { status: 404, body: { error_code: 40401, message: "Subject 'x' not found." } },
      async (registry) => {
        assert.deepEqual(await registry.latest("x"), {
          kind: "unknown",
          subject: "x",
          reason: "Subject 'x' not found.",
        });
      },
    ),
);

registryTest("an unknown id is asked for again after half a minute: it may be registered late", () => {
  const clock = { nowMs: 0 };
  return withServer((_, count) => count === 1 ? NOT_FOUND : AVRO, async (registry, requests) => {
    assert.equal((await registry.schema(5)).kind, "unknown");
    clock.nowMs += 29_999;
    assert.equal((await registry.schema(5)).kind, "unknown");
    assert.equal(requests.length, 1);
    clock.nowMs += 1;
    assert.equal((await registry.schema(5)).kind, "found");
  }, { nowMs: () => clock.nowMs });
});

const GUID = "0f7c4e1a-9b2d-3c5e-8f60-112233445566";
const NO_ROUTE: Answer = { status: 404, text: "" };

registryTest(
  "a GUID is a question of its own, asked once, with what the schema refers to",
  () =>
    withServer((path) => {
      if (path === "/subjects/common/versions/2") return { status: 200, body: { schema: '"int"' } };
      const references = [{ name: "common", subject: "common", version: 2 }];
      return { status: 200, body: { guid: GUID, schema: '"string"', schemaType: "AVRO", references } };
    }, async (registry, requests) => {
      const expected = {
        kind: "found",
        id: GUID,
        schemaType: "AVRO",
        text: '"string"',
        references: ['"int"'],
      };
      assert.deepEqual(await Promise.all([registry.schema(GUID), registry.schema(GUID)]), [
        expected,
        expected,
      ]);
      assert.deepEqual(requests, [`/schemas/guids/${GUID}`, "/subjects/common/versions/2"]);
    }),
);

for (
  const [name, guidAnswer, idAnswer, why] of [
    [
      "a GUID that the registry does not have",
      { status: 404, body: { error_code: 40403, message: `Schema ${GUID} not found` } },
      undefined,
      `Schema ${GUID} not found`,
    ],
    ["a registry without GUIDs, and its 404 without words", NO_ROUTE, AVRO, undefined],
    [
      "a registry without GUIDs, and HTTP's own code in its answer",
      { status: 404, body: { error_code: 404, message: "HTTP 404 Not Found" } },
      NOT_FOUND,
      undefined,
    ],
    ["a registry that takes other methods there only", { status: 405, text: "" }, NOT_FOUND, undefined],
  ] as const
) {
  registryTest(
    `${name}: it is unknown, and why is said`,
    () =>
      withServer((path) => path.includes("guids") ? guidAnswer : idAnswer!, async (registry, requests) => {
        assert.deepEqual(await registry.schema(GUID), {
          kind: "unknown",
          id: GUID,
          reason: `the registry knows no schema with GUID ${GUID}: ` +
            (why ?? "it does not seem to support GUIDs, as newer registries do"),
        });
        assert.equal((await registry.schema(GUID)).kind, "unknown");
        assert.equal(requests.filter((path) => path.includes("guids")).length, 1);
      }),
  );
}

registryTest(
  "what is no registry says nothing about a GUID: it is asked again",
  () =>
    withServer((path, count) => {
      if (count <= 2) return { status: 404, text: "<html>no such page</html>" };
      return path.includes("guids") ? AVRO : NOT_FOUND;
    }, async (registry, requests) => {
      assert.equal((await registry.schema(GUID)).kind, "found");
      assert.deepEqual(requests, [`/schemas/guids/${GUID}`, "/schemas/ids/1", `/schemas/guids/${GUID}`]);
    }),
);

registryTest(
  "the path of a URL is kept, a context in it too, and each of several has its own",
  () =>
    withServer((path) => {
      if (path.startsWith("/down/")) return { status: 503, body: {} };
      if (path.endsWith("/versions/latest")) {
        return { status: 200, body: { ...AVRO.body, id: 4, version: 2 } };
      }
      return AVRO;
    }, async (registry, requests) => {
      const up = "/api/contexts/.orders";
      await registry.ping(new AbortController().signal, SOON_MS);
      await registry.schema(5);
      await registry.schema(GUID);
      await registry.latest(":.other:a/b");
      assert.deepEqual(requests, [
        "/down/contexts/.orders/schemas/ids/1",
        `${up}/schemas/ids/1`,
        `${up}/schemas/ids/5`,
        `${up}/schemas/guids/${GUID}`,
        `${up}/subjects/%3A.other%3Aa%2Fb/versions/latest`,
      ]);
    }, { urls: (server) => [`${server}/down/contexts/.orders/`, `${server}/api/contexts/.orders`] }),
);

registryTest(
  "references of a subject in a context are looked for there",
  () =>
    withServer((path) => {
      if (!path.endsWith("latest")) return AVRO;
      const references = [{ name: "common", subject: "common", version: 2 }];
      return { status: 200, body: { id: 4, version: 1, schema: '"string"', references } };
    }, async (registry, requests) => {
      await registry.latest(":.shop:orders-value");
      assert.deepEqual(requests, [
        "/subjects/%3A.shop%3Aorders-value/versions/latest",
        "/subjects/%3A.shop%3Acommon/versions/2",
      ]);
    }),
);

for (const status of [401, 403]) {
  registryTest(
    `HTTP ${status} to a question for a GUID is an error of the configuration, no unknown schema`,
    () =>
      withServer(() => ({ status, body: { error_code: status * 100 + 1 } }), async (registry) => {
        await assert.rejects(registry.schema(GUID), { name: "UserError", exitCode: 78 });
      }),
  );
}
