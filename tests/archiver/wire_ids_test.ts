import assert from "node:assert/strict";
import { SCHEMA_HEADERS } from "../../src/archiver/wire_header.ts";
import { NO_WIRE_ID, WireIds, wireProblem } from "../../src/archiver/wire_ids.ts";
import { fetchedRecords, type TestRecord } from "./support/records.ts";

const GUID = "0f7c4e1a-9b2d-3c5e-8f60-112233445566";
const OTHER_GUID = "0f7c4e1a-9b2d-3c5e-8f60-112233445567";

/** The form with a magic byte 1. */
function guidBytes(guid: string): number[] {
  return [1, ...Uint8Array.fromHex(guid.replaceAll("-", ""))];
}

function record(value: readonly number[] | null, header?: readonly number[] | null): TestRecord {
  return {
    value: value && new Uint8Array(value),
    headers: header === undefined
      ? []
      : [["trace", new Uint8Array(3)], [SCHEMA_HEADERS.value, header && new Uint8Array(header)]],
  };
}

/** What one record names, or why it names nothing. */
function read(one: TestRecord) {
  const { fetched, bytes } = fetchedRecords([one]);
  const wireIds = new WireIds();
  const wireId = wireIds.at(fetched, bytes, 0);
  if (wireId !== NO_WIRE_ID) {
    const { id, skip } = wireIds.name(wireId);
    return [id, skip];
  }
  return one.value === null ? "null" : wireProblem(fetched, bytes, 0);
}

const ID_7 = [0, 0, 0, 0, 7];
const AVRO = [2, 4, 6];

for (
  const [name, one, expected] of [
    ["an id before the value", record([...ID_7, ...AVRO]), [7, 5]],
    ["a GUID before the value", record([...guidBytes(GUID), ...AVRO]), [GUID, 17]],
    ["a GUID in the header", record(AVRO, guidBytes(GUID)), [GUID, 0]],
    ["an id in the header", record(AVRO, ID_7), [7, 0]],
    ["a value that looks like an id, with the header", record([0, 0, 0, 0, 9], guidBytes(GUID)), [GUID, 0]],
    ["a value that looks like a GUID, with the header", record(guidBytes(OTHER_GUID), ID_7), [7, 0]],
    ["an empty value, with the header", record([], guidBytes(GUID)), [GUID, 0]],
    ["Protobuf's message indexes behind a GUID in the header", record(AVRO, [...guidBytes(GUID), 4, 2, 0]), [
      GUID,
      0,
    ]],
    ["a header that is null", record([...ID_7, ...AVRO], null), [7, 5]],
    ["a tombstone with the header", record(null, guidBytes(GUID)), "null"],
    [
      "an unknown form in the header, whatever the value",
      record([...ID_7, ...AVRO], [2, 0, 0, 0, 7]),
      "the record header __value_schema_id begins with 2, not with the magic byte 0 or 1",
    ],
    [
      "a header without content",
      record([...ID_7, ...AVRO], []),
      "the record header __value_schema_id has 0 bytes, at least 5 are needed",
    ],
    [
      "a GUID that is cut off in the header",
      record(AVRO, guidBytes(GUID).slice(0, 16)),
      "the record header __value_schema_id begins with the magic byte 1 and has 16 bytes, at least 17 are needed",
    ],
    [
      "an id above all in the header",
      record(AVRO, [0, 255, 0, 0, 0]),
      "the record header __value_schema_id names a schema id above 2147483647",
    ],
    [
      "text",
      record([123, 34, 97, 34, 58]),
      "no wire header: the first byte is 123, not the magic byte 0 or 1",
    ],
  ] as const
) {
  Deno.test(`wire ids: ${name}`, () => assert.deepEqual(read(one), expected));
}

Deno.test("wire ids: equal names have equal numbers, and what differs in form, id or GUID does not", () => {
  const names = [
    record([...ID_7, ...AVRO]),
    record(AVRO, ID_7),
    record(AVRO, [0, 0, 0, 0, 8]),
    record(AVRO, guidBytes(GUID)),
    record(AVRO, guidBytes(OTHER_GUID)),
    record([...guidBytes(GUID), ...AVRO]),
    record([...guidBytes(OTHER_GUID), ...AVRO]),
    // An id whose bytes are the first of the GUIDs.
    record(AVRO, [0, 0x0f, 0x7c, 0x4e, 0x1a]),
    record(AVRO, guidBytes("0f7c4e1a-0000-0000-0000-000000000000")),
  ];
  const { fetched, bytes } = fetchedRecords([...names, ...names.toReversed()]);
  const wireIds = new WireIds();
  const ids = Array.from({ length: fetched.count }, (_, index) => wireIds.at(fetched, bytes, index));
  assert.equal(new Set(ids).size, names.length);
  assert.deepEqual(ids.slice(names.length).toReversed(), ids.slice(0, names.length));
  assert(ids.every((id) => id !== NO_WIRE_ID));
});

Deno.test("wire ids: more GUIDs than are kept are told apart all the same", () => {
  const count = 25_000;
  const guidOf = (i: number) => `${i.toString(16).padStart(8, "0")}-0000-0000-0000-000000000000`;
  const { fetched, bytes } = fetchedRecords(
    Array.from({ length: count }, (_, i) => record(AVRO, guidBytes(guidOf(i)))),
  );
  const wireIds = new WireIds();
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) {
    const wireId = wireIds.at(fetched, bytes, i);
    assert.equal(wireIds.name(wireId).id, guidOf(i));
    seen.add(wireId);
  }
  // A number that had stood for another GUID before would take that one's schema.
  assert.equal(seen.size, count);
});

Deno.test("wire ids: keys have their own header, and that of the value is not theirs", () => {
  const { fetched, bytes } = fetchedRecords([
    {
      value: new Uint8Array([...ID_7, ...AVRO]),
      key: new Uint8Array(AVRO),
      headers: [[SCHEMA_HEADERS.key, new Uint8Array(guidBytes(GUID))]],
    },
    {
      value: new Uint8Array(AVRO),
      key: new Uint8Array([...ID_7, ...AVRO]),
      headers: [[SCHEMA_HEADERS.value, new Uint8Array(guidBytes(GUID))]],
    },
    { value: new Uint8Array([...ID_7, ...AVRO]), key: new Uint8Array([9, 9]) },
    { value: new Uint8Array([...ID_7, ...AVRO]) },
  ]);
  const read = (part: "value" | "key") => {
    const wireIds = new WireIds(part);
    return Array.from({ length: fetched.count }, (_, index) => {
      const wireId = wireIds.at(fetched, bytes, index);
      const { id, skip } = wireIds.name(wireId);
      return wireId === NO_WIRE_ID ? "none" : [id, skip];
    });
  };
  assert.deepEqual(read("key"), [[GUID, 0], [7, 5], "none", "none"]);
  assert.deepEqual(read("value"), [[7, 5], [GUID, 0], [7, 5], [7, 5]]);
  assert.equal(
    wireProblem(fetched, bytes, 2, "key"),
    "no wire header: the key has 2 bytes, at least 5 are needed",
  );
});
