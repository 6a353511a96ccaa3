/** `inspect` and `schema` on what the program itself has archived from real servers. */
import assert from "node:assert/strict";
import { integrationTest } from "../support/integration.ts";
import { runProgram, tempDir } from "../support/mod.ts";
import { event, makeJob } from "./events.ts";

/** The JSON lines that a command prints. */
async function jsonOf(args: readonly string[]) {
  await using program = runProgram([...args, "--json"]);
  const { code } = await program.exit;
  assert.deepEqual({ code, stderr: program.stderr }, { code: 0, stderr: [] });
  return program.stdout.map((line) => JSON.parse(line));
}

integrationTest("inspect finds in the archive what was produced and committed", async (servers) => {
  await using folder = await tempDir();
  const job = await makeJob(servers, folder, { partitions: 3 });
  await job.produce(0, 1_000);
  await using run = runProgram([...job.flags, "--rows", "150", "--until-end"]);
  assert.equal((await run.exit).code, 0, run.stderr.join("\n"));

  const lines = await jsonOf(["inspect", job.output, "--rows", "all"]);
  const totals = lines.pop();
  assert(lines.length >= 6, `only ${lines.length} files`);
  const ids = lines.flatMap((file) => file.first_rows.map((row: { id: number }) => row.id));
  assert.deepEqual(ids.sort((a, b) => a - b), Array.from({ length: 1_000 }, (_, id) => id));
  const row = lines[0].first_rows[0];
  const { kind, note, customer } = event(row.id);
  assert.deepEqual(row, {
    id: row.id,
    kind,
    note,
    "customer.name": customer.name,
    "customer.address.city": customer.address.city,
  });

  const committed = await servers.committed(job.group, job.topic);
  assert.equal(totals.rows, 1_000);
  assert.equal(totals.schemas, 1);
  assert.deepEqual(
    totals.partitions.map(({ partition, ranges, overlap }: Record<string, unknown>) => ({
      partition,
      ranges,
      overlap,
    })),
    [0, 1, 2].map((partition) => ({
      partition,
      ranges: [{ first: 0, next: Number(committed.get(partition)!.offset) }],
      overlap: false,
    })),
  );

  // What was announced for the schema is what stands in the file.
  for (const named of [`${job.topic}-value`, String(job.schemaId)]) {
    const [schema] = await jsonOf(["schema", named, "--registry", servers.registry]);
    assert.equal(schema.id, job.schemaId);
    assert.deepEqual(
      schema.columns.map(({ column, parquet_type, nullable }: Record<string, unknown>) => [
        ...[column, parquet_type, nullable],
      ]),
      lines[0].columns.map(({ name, parquet_type, nullable }: Record<string, unknown>) => [
        ...[name, parquet_type, nullable],
      ]),
    );
  }
});

integrationTest("schema resolves references, and says what a registry does not have", async (servers) => {
  const name = `common-${crypto.randomUUID()}`;
  const common = {
    type: "record",
    name: "Money",
    namespace: "shop",
    fields: [{ name: "cents", type: "long" }],
  };
  await servers.registerSchema(name, common);
  const order = { type: "record", name: "Order", fields: [{ name: "price", type: ["null", "shop.Money"] }] };
  const topic = `orders-${crypto.randomUUID()}`;
  await servers.registerSchema(`${topic}-value`, order, [{ name: "shop.Money", subject: name, version: 1 }]);
  const [schema] = await jsonOf(["schema", `${topic}-value`, "--registry", servers.registry]);
  assert.deepEqual(schema.columns, [{
    path: "price.cents",
    avro_type: "long",
    column: "price.cents",
    arrow_type: "int64",
    parquet_type: "INT64",
    nullable: true,
  }]);

  await using program = runProgram(["schema", topic, "--registry", servers.registry]);
  assert.equal((await program.exit).code, 1);
  assert.equal(program.stderr.at(-1), `hint: Did you mean ${topic}-value?`);
});
