/** `schema` as a user meets it; where a registry is needed, a scripted one answers. */
import assert from "node:assert/strict";
import { freePorts } from "../../dev/ports.ts";
import { tempDir } from "../support/mod.ts";
import { kafka2parquet } from "./run_program.ts";

const CUSTOMER = {
  type: "record",
  name: "Customer",
  namespace: "shop",
  fields: [
    { name: "since", type: { type: "long", logicalType: "timestamp-millis" } },
    { name: "kind", type: { type: "enum", name: "Kind", symbols: ["NEW", "OLD"] } },
    { name: "referrer", type: ["null", "Customer"] },
  ],
};

/** `customer` is the type itself, or its name where it is registered apart. */
function order(customer: unknown) {
  return {
    type: "record",
    name: "Order",
    namespace: "shop",
    fields: [
      { name: "id", type: "long" },
      { name: "paid", type: { type: "bytes", logicalType: "decimal", precision: 12, scale: 2 } },
      { name: "customer", type: ["null", customer] },
      { name: "note", type: ["null", "string", "long"] },
      { name: "wait", type: { type: "fixed", name: "Wait", size: 12, logicalType: "duration" } },
      { name: "tags", type: { type: "map", values: { type: "array", items: ["null", "int"] } } },
    ],
  };
}

const GUID = "0f7c4e1a-9b2d-3c5e-8f60-112233445566";

const LINES = [
  ["id", "long", "id", "int64", "INT64", "no"],
  ["paid", "bytes decimal(12, 2)", "paid", "decimal128(12, 2)", "INT64 DECIMAL(12, 2)", "no"],
  [
    ...["customer.since", "long timestamp-millis", "customer.since", "timestamp[ms, UTC]"],
    ...["INT64 TIMESTAMP(MILLIS, UTC)", "yes"],
  ],
  ["customer.kind", "enum shop.Kind", "customer.kind", "dictionary<utf8>", "BYTE_ARRAY STRING", "yes"],
  [
    "customer.referrer",
    "record shop.Customer, recursive",
    "customer.referrer",
    "utf8",
    "BYTE_ARRAY STRING",
    "yes",
  ],
  ["note.string", "string", "note.string", "utf8", "BYTE_ARRAY STRING", "yes"],
  ["note.long", "long", "note.long", "int64", "INT64", "yes"],
  ["wait", "fixed(12) duration", "wait.months", "int64", "INT64", "no"],
  ["wait", "fixed(12) duration", "wait.days", "int64", "INT64", "no"],
  ["wait", "fixed(12) duration", "wait.millis", "int64", "INT64", "no"],
  ["tags", "map<array<union<null, int>>>", "tags", "map<utf8, list<int32>>", "MAP", "no"],
];

function asLine([path, avro_type, column, arrow_type, parquet_type, nullable]: readonly string[]) {
  return { path, avro_type, column, arrow_type, parquet_type, nullable: nullable === "yes" };
}

async function withSchemaFile(schema: unknown, body: (path: string) => Promise<void>): Promise<void> {
  await using folder = await tempDir();
  const path = `${folder.path}/order.avsc`;
  await Deno.writeTextFile(path, JSON.stringify(schema));
  await body(path);
}

/** Schema 7 under `orders-value`, which refers to another subject; and nothing else. */
async function withRegistry(body: (url: string) => Promise<void>): Promise<void> {
  const found = {
    schema: JSON.stringify(order("shop.Customer")),
    references: [{ name: "shop.Customer", subject: "customers", version: 3 }],
  };
  const inContext = { ...found, references: [{ name: "shop.Customer", subject: "customers", version: 1 }] };
  const answers: Readonly<Record<string, unknown>> = {
    "/subjects/%3A.shop%3Aorders-value/versions/latest": { ...inContext, id: 4, version: 1 },
    "/subjects/%3A.shop%3Acustomers/versions/1": { schema: JSON.stringify(CUSTOMER) },
    "/contexts/.shop/subjects/orders-value/versions/latest": { ...inContext, id: 4, version: 1 },
    "/contexts/.shop/subjects/customers/versions/1": { schema: JSON.stringify(CUSTOMER) },
    [`/schemas/guids/${GUID}`]: { ...found, guid: GUID },
    "/schemas/ids/10": {
      ...found,
      references: [...found.references, { name: "shop.Customer", subject: "customers", version: 4 }],
    },
    "/subjects/customers/versions/4": { schema: JSON.stringify(CUSTOMER) },
    "/subjects/customers/versions/3": { schema: JSON.stringify(CUSTOMER) },
    "/subjects/orders-value/versions/latest": { ...found, id: 7, version: 2 },
    "/schemas/ids/7": found,
    "/schemas/ids/8": { schema: `syntax = "proto3";`, schemaType: "PROTOBUF" },
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const answer = answers[new URL(request.url).pathname];
    const body = answer ?? { error_code: 40401, message: "not there" };
    return Response.json(body, { status: answer === undefined ? 404 : 200 });
  });
  try {
    await body(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

Deno.test("schema FILE.avsc: every column with its path and types", () =>
  withSchemaFile(order(CUSTOMER), async (path) => {
    const json = await kafka2parquet(["schema", path, "--json"]);
    assert.deepEqual({ code: json.code, stderr: json.stderr }, { code: 0, stderr: "" });
    assert.deepEqual(JSON.parse(json.stdout), { file: path, columns: LINES.map(asLine) });

    const text = await kafka2parquet(["schema", path]);
    assert.deepEqual({ code: text.code, stderr: text.stderr }, { code: 0, stderr: "" });
    const lines = text.stdout.trimEnd().split("\n");
    assert.equal(lines[0], `${path}: 11 columns`);
    assert.deepEqual(lines[2]!.split(/ {2,}/), ["PATH", "COLUMN", "AVRO", "ARROW", "PARQUET", "NULL"]);
    for (const [index, [path, avro, column, ...types]] of LINES.entries()) {
      assert.deepEqual(lines[3 + index]!.split(/ {2,}/), [path, column, avro, ...types]);
    }
  }));

Deno.test("schema: paths that are the columns' names stand there once", () =>
  withSchemaFile({ ...order(CUSTOMER), fields: order(CUSTOMER).fields.slice(0, 3) }, async (path) => {
    const { stdout } = await kafka2parquet(["schema", path]);
    const [, , header, , , since] = stdout.split("\n").map((line) => line.split(/ {2,}/));
    assert.deepEqual(header, ["PATH AND COLUMN", "AVRO", "ARROW", "PARQUET", "NULL"]);
    assert.deepEqual(since, ["customer.since", "long timestamp-millis", ...LINES[2]!.slice(3)]);
  }));

Deno.test("schema --separator, also from the environment and the config file, is that of the archive", () =>
  withSchemaFile(order(CUSTOMER), async (path) => {
    const config = path.replace(".avsc", ".toml");
    await Deno.writeTextFile(config, `separator = "__"\n`);
    const runs = [
      kafka2parquet(["schema", path, "--json", "--separator", "__"]),
      kafka2parquet(["schema", path, "--json"], { KAFKA2PARQUET_SEPARATOR: "__" }),
      kafka2parquet(["schema", path, "--json", "--config", config]),
    ];
    for (const { stdout } of await Promise.all(runs)) {
      const { columns } = JSON.parse(stdout);
      assert.deepEqual([columns[2].path, columns[2].column], ["customer.since", "customer__since"]);
    }
  }));

Deno.test("schema --metadata: what Kafka says stands first, and the value's columns are nullable", () =>
  withSchemaFile(order(CUSTOMER), async (path) => {
    const json = await kafka2parquet(["schema", path, "--json", "--metadata", "offset,topic,key:avro"]);
    assert.deepEqual({ code: json.code, stderr: json.stderr }, { code: 0, stderr: "" });
    const { columns } = JSON.parse(json.stdout);
    const byKey = "by the key's schema";
    assert.deepEqual(
      columns.slice(0, 3),
      [
        ["_kafka.topic", null, "_kafka.topic", "dictionary<utf8>", "BYTE_ARRAY STRING", "no"],
        ["_kafka.offset", null, "_kafka.offset", "int64", "INT64", "no"],
        ["_kafka.key", null, "_kafka.key", byKey, byKey, "yes"],
      ].map((line) => asLine(line as string[])),
    );
    assert.deepEqual(
      columns.slice(3),
      LINES.map((line) => asLine([...line.slice(0, 5), "yes"])),
    );
    const text = await kafka2parquet(["schema", path, "--metadata", "key:string", "--separator", "__"]);
    const line = text.stdout.split("\n")[3]!.split(/ {2,}/);
    assert.deepEqual(line, ["_kafka__key", "_kafka__key", "(Kafka)", "utf8", "BYTE_ARRAY STRING", "yes"]);
  }));

Deno.test("schema --metadata: a field that would be one of these columns is an error that names both", () => {
  const inner = { type: "record", name: "Inner", fields: [{ name: "offset", type: "long" }] };
  const outer = { type: "record", name: "Outer", fields: [{ name: "_kafka", type: inner }] };
  return withSchemaFile(outer, async (path) => {
    const { code, stderr } = await kafka2parquet(["schema", path, "--metadata", "all"]);
    assert.equal(code, 1);
    assert.match(stderr, /field _kafka\.offset and --metadata offset would both be .*"_kafka\.offset"/);
    assert.match(stderr, /hint: Leave offset out of --metadata, or choose another --separator/);
    assert.equal((await kafka2parquet(["schema", path, "--metadata", "key"])).code, 0);
  });
});

Deno.test("schema SUBJECT and ID: from the registry, with what they refer to", () =>
  withRegistry(async (url) => {
    const subject = await kafka2parquet(["schema", "orders-value", "--registry", url, "--json"]);
    assert.deepEqual({ code: subject.code, stderr: subject.stderr }, { code: 0, stderr: "" });
    assert.deepEqual(JSON.parse(subject.stdout), {
      subject: "orders-value",
      version: 2,
      id: 7,
      columns: LINES.map(asLine),
    });
    const id = await kafka2parquet(["schema", "7", "--json"], { KAFKA2PARQUET_REGISTRY: url });
    assert.deepEqual(JSON.parse(id.stdout), { id: 7, columns: LINES.map(asLine) });
    const text = await kafka2parquet(["schema", "orders-value", "--registry", url]);
    assert.match(text.stdout, /^orders-value, version 2, id 7: 11 columns\n/);
  }));

Deno.test("schema: a GUID, whatever its letters' case, and subjects of a context, in the name or in the URL", () =>
  withRegistry(async (url) => {
    const guid = await kafka2parquet(["schema", GUID.toUpperCase(), "--registry", url, "--json"]);
    assert.deepEqual(JSON.parse(guid.stdout), { id: GUID, columns: LINES.map(asLine) });
    const runs = [
      [":.shop:orders-value", url],
      ["orders-value", `${url}/contexts/.shop`],
    ] as const;
    for (const [subject, registry] of runs) {
      const { stdout, stderr } = await kafka2parquet(["schema", subject, "--registry", registry, "--json"]);
      assert.equal(stderr, "");
      assert.deepEqual(JSON.parse(stdout), { subject, version: 1, id: 4, columns: LINES.map(asLine) });
    }
  }));

for (
  const [of, error, hint] of [
    ["orders", `No subject "orders": not there`, "Did you mean orders-value?"],
    ["other", `No subject "other": not there`, "Subjects are mostly named <topic>-value."],
    ["9", "Schema 9 is not in the registry: not there", undefined],
    [
      GUID.replace("0", "1"),
      `The registry knows no schema with GUID ${GUID.replace("0", "1")}: not there`,
      undefined,
    ],
    [
      "10",
      'Invalid Avro schema at $: type "shop.Customer" is defined twice (its references name subject customers in ' +
      "versions 3 and 4)",
      "Correct the schema in the registry, or leave the topic out.",
    ],
    ["8", "id 8 is a schema of type PROTOBUF", "kafka2parquet archives Avro records."],
    [
      "no/such.avsc",
      "Cannot read no/such.avsc: no such file",
      "Name an .avsc file, a subject or a schema id.",
    ],
  ] as const
) {
  Deno.test(`schema ${of} is an error that says so`, () =>
    withRegistry(async (url) => {
      const { code, stdout, stderr } = await kafka2parquet(["schema", of, "--registry", url]);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      assert.equal(stderr, `error: ${error}\n${hint === undefined ? "" : `hint: ${hint}\n`}`);
    }));
}

Deno.test("schema OLD NEW: what a file holds of both, or why none can", async () => {
  await using folder = await tempDir();
  const write = async (name: string, fields: object) => {
    const path = `${folder.path}/${name}.avsc`;
    const parts = Object.entries(fields).map(([name, type]) => ({ name, type }));
    await Deno.writeTextFile(path, JSON.stringify({ type: "record", name: "R", fields: parts }));
    return path;
  };
  const older = await write("older", { id: "int", note: "string" });
  const newer = await write("newer", { id: "long", total: "double" });
  const { code, stdout, stderr } = await kafka2parquet(["schema", older, newer]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  assert.deepEqual(stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/)), [
    [older],
    [newer],
    ["together: 3 columns"],
    [""],
    ["COLUMN", "ARROW", "PARQUET", "NULL"],
    ["id", "int64", "INT64", "no"],
    ["note", "utf8", "BYTE_ARRAY STRING", "yes"],
    ["total", "float64", "DOUBLE", "yes"],
  ]);
  const json = await kafka2parquet(["schema", older, newer, "--json", "--exclude", "note,total"]);
  assert.deepEqual(JSON.parse(json.stdout), {
    schemas: [{ file: older }, { file: newer }],
    columns: [{ column: "id", arrow_type: "int64", parquet_type: "INT64", nullable: false }],
  });
  const other = await write("other", { id: "string" });
  assert.deepEqual(await kafka2parquet(["schema", older, newer, other]), {
    code: 1,
    stdout: "",
    stderr: `error: ${other} cannot share a file with what stands before it: ` +
      "column id is utf8 and before int64\n" +
      "hint: Archived, its records go into files of their own. See the README, Evolution.\n",
  });
});

Deno.test("schema OLD NEW: metadata, collisions with it and patterns are those of one schema", async () => {
  await using folder = await tempDir();
  const write = async (name: string, fields: Readonly<Record<string, unknown>>) => {
    const path = `${folder.path}/${name}.avsc`;
    const parts = Object.entries(fields).map(([name, type]) => ({ name, type }));
    await Deno.writeTextFile(path, JSON.stringify({ type: "record", name: "R", fields: parts }));
    return path;
  };
  const older = await write("older", { id: "int", note: "string" });
  const newer = await write("newer", { id: "long", total: "double" });
  const { code, stdout, stderr } = await kafka2parquet([
    ...["schema", older, newer, "--metadata", "offset,key:avro", "--exclude", "note,total,totl"],
  ]);
  assert.equal(code, 0, stderr);
  const byKey = "by the key's schema";
  assert.deepEqual(stdout.trimEnd().split("\n").slice(2).map((line) => line.split(/ {2,}/)), [
    ["together: 3 columns"],
    [""],
    ["COLUMN", "ARROW", "PARQUET", "NULL"],
    ["_kafka.offset", "int64", "INT64", "no"],
    ["_kafka.key", byKey, byKey, "yes"],
    ["id", "int64", "INT64", "yes"],
  ]);
  assert.deepEqual(stderr.trimEnd().split("\n").map((line) => line.replace(/^\S+ /, "")), [
    "warning No column matches totl: did you mean total?",
  ]);
  const json = await kafka2parquet(["schema", older, newer, "--json", "--metadata", "offset"]);
  assert.deepEqual(
    JSON.parse(json.stdout).columns.map(({ column }: { column: string }) => column),
    ["_kafka.offset", "id", "note", "total"],
  );
  const offset = { type: "record", name: "K", fields: [{ name: "offset", type: "long" }] };
  const colliding = await write("colliding", { id: "int", _kafka: offset });
  const refused = await kafka2parquet(["schema", older, colliding, "--metadata", "offset"]);
  assert.deepEqual({ code: refused.code, stdout: refused.stdout }, { code: 1, stdout: "" });
  assert.match(refused.stderr, /field _kafka\.offset and --metadata offset would both be/);
  const broken = await write("broken", { id: "strin" });
  const { stderr: error } = await kafka2parquet(["schema", older, broken]);
  assert(error.startsWith(`error: ${broken}: Invalid Avro schema at $.fields[0].type`), error);
  assert(error.endsWith(`hint: Correct the schema in ${broken}.\n`), error);
});

Deno.test("schema --include and --exclude choose columns, and say what matches none", () =>
  withSchemaFile(order(CUSTOMER), async (path) => {
    const { code, stdout, stderr } = await kafka2parquet([
      ...["schema", path, "--json", "--include", "customer.*", "--include", "id,pad", "--exclude", "*.kind"],
    ]);
    assert.equal(code, 0, stderr);
    const names = JSON.parse(stdout).columns.map(({ column }: { column: string }) => column);
    assert.deepEqual(names, ["id", "customer.since", "customer.referrer"]);
    assert.match(stderr, /warning No column matches pad: did you mean paid\?\n$/);
  }));

Deno.test("schema: names that differ only in case are told, also where two schemas bring one each", async () => {
  const record = (...names: string[]) => ({
    type: "record",
    name: "R",
    fields: names.map((name) => ({ name, type: "int" })),
  });
  const told =
    /warning The columns id and Id differ only in case: Spark and DuckDB do not tell them apart\n$/;
  await withSchemaFile(record("id", "Id"), async (path) => {
    const { code, stderr } = await kafka2parquet(["schema", path]);
    assert.equal(code, 0);
    assert.match(stderr, told);
  });
  await withSchemaFile(record("id"), (older) =>
    withSchemaFile(record("Id"), async (newer) => {
      assert.match((await kafka2parquet(["schema", older, newer])).stderr, told);
      assert.equal((await kafka2parquet(["schema", older, older])).stderr, "");
    }));
});

Deno.test("schema: what makes no columns is said with the place", async () => {
  const inner = { type: "record", name: "I", fields: [{ name: "c", type: "int" }] };
  const twice = {
    type: "record",
    name: "R",
    fields: [{ name: "a", type: inner }, { name: "a__c", type: "int" }],
  };
  for (
    const [schema, pattern] of [
      [
        { type: "record", name: "R", fields: [{ name: "a", type: "strin" }] },
        /\$\.fields\[0\]\.type.*strin.*\nhint: Correct the schema in .*\.avsc\.$/m,
      ],
      [twice, /Two fields would both be the column "a__c": a\.c and a__c/],
    ] as const
  ) {
    await withSchemaFile(schema, async (path) => {
      const { code, stdout, stderr } = await kafka2parquet(["schema", path, "--separator", "__"]);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
      assert.match(stderr, pattern);
      assert.match(stderr, /\nhint: /);
    });
  }
});

Deno.test("schema without a registry gives up soon, with exit code 69", async () => {
  const url = `http://127.0.0.1:${freePorts(1)[0]}`;
  const { code, stdout, stderr } = await kafka2parquet(["schema", "orders-value", "--registry", url]);
  assert.deepEqual({ code, stdout }, { code: 69, stdout: "" });
  const [error, hint] = stderr.trimEnd().split("\n").slice(-2);
  assert(error!.startsWith(`error: Cannot reach the schema registry at ${url}: `), stderr);
  assert.equal(hint, "hint: Check --registry, its path included, and that the registry is running.");
});

Deno.test("schema: a subject that is not there, and the nearest of those that are", async () => {
  let subjects: unknown = ["payments-value", "orders-value", "orders-key"];
  await using registry = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/subjects") return Response.json(subjects);
    return Response.json({ error_code: 40401, message: "Subject not found." }, { status: 404 });
  });
  const flags = ["--registry", `http://127.0.0.1:${registry.addr.port}`];
  const hintOf = async (subject: string) => {
    const { code, stderr } = await kafka2parquet(["schema", subject, ...flags]);
    assert.equal(code, 1, stderr);
    assert.match(stderr, new RegExp(`^error: No subject "${subject}": Subject not found\\.$`, "m"));
    return /^hint: (.*)$/m.exec(stderr)?.[1];
  };
  assert.equal(await hintOf("order-valeu"), "Did you mean orders-value?");
  assert.equal(await hintOf("something-else"), "Subjects are mostly named <topic>-value.");
  subjects = { error_code: 50001 };
  assert.equal(await hintOf("order-valeu"), "Subjects are mostly named <topic>-value.");
});
