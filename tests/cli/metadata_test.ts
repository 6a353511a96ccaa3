/** What `--metadata` takes, and what it says to mistakes. */
import assert from "node:assert/strict";
import { parseMetadata } from "../../src/cli/metadata.ts";
import { InvalidValue } from "../../src/cli/values.ts";
import { METADATA_FIELDS } from "../../src/config.ts";

for (
  const [texts, fields, keyForm] of [
    [["none"], [], "binary"],
    [["all"], METADATA_FIELDS, "binary"],
    [["headers,offset , topic"], ["topic", "offset", "headers"], "binary"],
    [["offset", "Timestamp"], ["offset", "timestamp"], "binary"],
    [["key"], ["key"], "binary"],
    [["key:string"], ["key"], "string"],
    [["key:avro,partition"], ["partition", "key"], "avro"],
    [["all,key:string"], METADATA_FIELDS, "string"],
    [["key:avro", "all"], METADATA_FIELDS, "avro"],
  ] as const
) {
  Deno.test(`--metadata ${texts.join(" ")} gives columns in their fixed order`, () => {
    assert.deepEqual(parseMetadata(texts), { fields: [...fields], keyForm });
  });
}

for (
  const [text, message, hint] of [
    ["ofset", `a list with "ofset" in it`, "Did you mean offset?"],
    ["key:bytes", `a list with "key:bytes" in it`, /key/],
    ["value", `a list with "value" in it`, /Choose from topic, partition, offset/],
    ["key,key:avro", "a key in two forms", /Choose one of key, key:string, key:avro/],
    ["key:string,key:avro", "a key in two forms", /Choose one/],
    ["none,offset", "none and something", /Leave out none/],
    [",", "an empty list", /Name at least one/],
  ] as const
) {
  Deno.test(`--metadata ${text} is refused with a hint`, () => {
    assert.throws(() => parseMetadata([text]), (error) => {
      assert(error instanceof InvalidValue);
      assert.equal(error.message, message);
      if (typeof hint === "string") assert.equal(error.hint, hint);
      else assert.match(error.hint, hint);
      return true;
    });
  });
}
