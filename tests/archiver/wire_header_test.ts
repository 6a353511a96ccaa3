import assert from "node:assert/strict";
import { readHeaders } from "../../src/archiver/dead_letters.ts";
import {
  guidAt,
  hasGuidAt,
  headerProblem,
  headerValueEnd,
  headerValueStart,
  SCHEMA_HEADERS,
  schemaHeaderAt,
  schemaIdAt,
} from "../../src/archiver/wire_header.ts";
import { testRandom } from "../support/mod.ts";
import { type Header, headerBytes } from "./support/records.ts";

const GUID = "0f7c4e1a-9b2d-3c5e-8f60-112233445566";
const GUID_BYTES = Uint8Array.fromHex(`01${GUID.replaceAll("-", "")}`);

/** The value of our header as {@link schemaHeaderAt} finds it. */
function found(bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array | null {
  const place = schemaHeaderAt(bytes, start, end, "value");
  return place < 0 ? null : bytes.subarray(headerValueStart(bytes, place), headerValueEnd(bytes, place));
}

/** The same by the plain reader of headers, which makes objects: the last one holds. */
function expected(bytes: Uint8Array): Uint8Array | null {
  return readHeaders(bytes, 0, bytes.length).findLast(({ key }) => key === SCHEMA_HEADERS.value)?.value ??
    null;
}

for (
  const [hex, id] of [
    ["0000000007", 7],
    ["000000000702", 7],
    ["007fffffff", 2 ** 31 - 1],
    ["0080000000", -1],
    ["00ffffffff", -1],
    ["00000000", -1],
    ["", -1],
    ["0100000007", -1],
  ] as const
) {
  Deno.test(`wire header: the schema id of ${hex || "nothing"} is ${id}`, () => {
    const bytes = Uint8Array.fromHex(`ff${hex}ff`);
    assert.equal(schemaIdAt(bytes, 1, bytes.length - 1), id);
  });
}

Deno.test("wire header: a null value has neither id nor GUID", () => {
  assert.equal(schemaIdAt(new Uint8Array(20), -1, -1), -1);
  assert.equal(hasGuidAt(new Uint8Array(20).fill(1), -1, -1), false);
});

Deno.test("wire header: a GUID is written as the registry writes it", () => {
  const bytes = new Uint8Array([9, ...GUID_BYTES, 2]);
  assert(hasGuidAt(bytes, 1, bytes.length));
  assert.equal(guidAt(bytes, 1), GUID);
  assert.equal(hasGuidAt(bytes, 1, 17), false);
  assert.equal(hasGuidAt(bytes, 0, bytes.length), false);
});

for (
  const [hex, reason] of [
    ["7b7d", "no wire header: the value has 2 bytes, at least 5 are needed"],
    ["7b22612231", "no wire header: the first byte is 123, not the magic byte 0 or 1"],
    ["00fffffffb02", "no wire header: the value names a schema id above 2147483647"],
    [
      "010203040506",
      "no wire header: the value begins with the magic byte 1 and has 6 bytes, at least 17 are needed",
    ],
  ] as const
) {
  Deno.test(`wire header: why ${hex} is none`, () => {
    const bytes = Uint8Array.fromHex(hex);
    assert.equal(headerProblem(bytes, 0, bytes.length), reason);
  });
}

const OURS: Header = [SCHEMA_HEADERS.value, GUID_BYTES];
const OTHER: Header = ["traceparent", new Uint8Array(200).fill(5)];
const NULL: Header = [SCHEMA_HEADERS.value, null];

for (
  const [name, headers, isThere] of [
    ["none", [], false],
    ["ours alone", [OURS], true],
    ["ours among others", [OTHER, OURS, OTHER], true],
    ["others, one of them of the same length", [OTHER, ["__value_schema_iD", GUID_BYTES]], false],
    ["that of the key", [["__key_schema_id", GUID_BYTES]], false],
    ["ours, null", [NULL], false],
    ["ours, null at last", [OURS, NULL], false],
    ["ours, null at first", [NULL, OURS], true],
    ["ours twice", [[SCHEMA_HEADERS.value, new Uint8Array([0, 0, 0, 0, 9])], OURS], true],
    ["a long name", [["n".repeat(300), GUID_BYTES], OURS], true],
  ] as readonly [string, readonly Header[], boolean][]
) {
  Deno.test(`record header: ${name}`, () => {
    const bytes = headerBytes(headers);
    assert.deepEqual(found(bytes), isThere ? GUID_BYTES : null);
  });
}

Deno.test("record header: it is found where the plain reader finds it, in random headers", () => {
  const random = testRandom();
  const names = [SCHEMA_HEADERS.value, "__value_schema_ix", "__key_schema_id", "", "trace", "x".repeat(70)];
  for (let round = 0; round < 2_000; round++) {
    const headers = Array.from({ length: random.below(6) }, (): Header => {
      const value = random.below(5) === 0
        ? null
        : Uint8Array.from({ length: random.below(150) }, () => random.below(256));
      return [names[random.below(names.length)]!, value];
    });
    const bytes = headerBytes(headers);
    assert.deepEqual(found(bytes), expected(bytes), JSON.stringify(headers.map(([key]) => key)));
  }
});

Deno.test("record header: damaged headers are read to their end at most", () => {
  const random = testRandom();
  const whole = headerBytes([OTHER, OURS, ["b", new Uint8Array(3)]]);
  // At the end of a header nothing but the count shows that others are missing.
  const endOfOurs = headerBytes([OTHER, OURS]).length;
  for (let end = 0; end < whole.length; end++) {
    assert.deepEqual(found(whole.slice(0, end)), end === endOfOurs ? GUID_BYTES : null, `${end}`);
  }
  for (let round = 0; round < 5_000; round++) {
    const bytes = whole.slice();
    for (let i = 0; i <= random.below(4); i++) bytes[random.below(bytes.length)] = random.below(256);
    const value = found(bytes);
    assert(value === null || value.byteOffset + value.length <= bytes.length);
  }
});
