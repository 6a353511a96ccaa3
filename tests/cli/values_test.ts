import assert from "node:assert/strict";

import {
  formatDurationMs,
  formatSizeBytes,
  InvalidValue,
  parseBoolean,
  parseBroker,
  parseCount,
  parseDurationMs,
  parseFolder,
  parseHttpAddress,
  parseList,
  parseRegistryUrl,
  parseSizeBytes,
  parseStart,
  parseTopic,
  parseTopics,
} from "../../src/cli/values.ts";

const ANY = { min: 0, max: Number.MAX_SAFE_INTEGER };
const duration = (text: string) => parseDurationMs(text, ANY);
const size = (text: string) => parseSizeBytes(text, ANY);
const count = (text: string) => parseCount(text, ANY);

type Parse = (text: string) => unknown;
const GOOD: readonly (readonly [Parse, string, unknown])[] = [
  [duration, "60s", 60_000],
  [duration, "1m30s", 90_000],
  [duration, "250ms", 250],
  [duration, "1h", 3_600_000],
  [duration, "1.5h", 5_400_000],
  [duration, " 2d ", 172_800_000],
  [duration, "0s", 0],
  [size, "128MiB", 134_217_728],
  [size, "128mib", 134_217_728],
  [size, "1GB", 1_000_000_000],
  [size, "500k", 500_000],
  [size, "64Ki", 65_536],
  [size, "1.5 GiB", 1_610_612_736],
  [size, "4096", 4_096],
  [parseHttpAddress, "127.0.0.1:8080", { host: "127.0.0.1", port: 8080 }],
  [parseHttpAddress, "8080", { host: "127.0.0.1", port: 8080 }],
  [parseHttpAddress, ":8080", { host: "0.0.0.0", port: 8080 }],
  [parseHttpAddress, "[::1]:0", { host: "::1", port: 0 }],
  [parseHttpAddress, "Archiver-1:80", { host: "archiver-1", port: 80 }],
  [parseHttpAddress, " off ", "off"],
  [count, "1200", 1_200],
  [count, "100_000", 100_000],
  [count, "100k", 100_000],
  [count, "1.1k", 1_100],
  [count, "1M", 1_000_000],
  [parseBoolean, "TRUE", true],
  [parseBoolean, "0", false],
  [parseBroker, "kafka:9092", "kafka:9092"],
  [parseBroker, "[::1]:9092", "[::1]:9092"],
  [parseRegistryUrl, "http://registry:8081/", "http://registry:8081"],
  [parseRegistryUrl, "https://host/apis/ccompat/v7", "https://host/apis/ccompat/v7"],
  [parseTopic, "customer_events-1.x", "customer_events-1.x"],
  [parseFolder, "parquet_data/data", "parquet_data/data"],
];

for (const [parse, text, expected] of GOOD) {
  Deno.test(`${parse.name} takes ${JSON.stringify(text)}`, () => assert.deepEqual(parse(text), expected));
}

/** Text, what is wrong with it, and what its hint has to name. */
const BAD: readonly (readonly [Parse, string, RegExp, RegExp])[] = [
  [duration, "60", /without a unit/, /60s/],
  [duration, "0", /without a unit/, /60s/],
  [duration, "1 m", /no duration/, /1m30s/],
  [duration, "-1s", /no duration/, /250ms/],
  [duration, "", /no duration/, /250ms/],
  [size, "12 parsecs", /no size/, /128MiB/],
  [parseHttpAddress, "http://127.0.0.1:8080", /a URL/, /HOST:PORT/],
  [parseHttpAddress, "localhost", /no address/, /:8080 for all/],
  [parseHttpAddress, "::1:8080", /no address/, /HOST:PORT/],
  [parseHttpAddress, ":70000", /impossible port/, /65535/],
  [size, "-1", /no size/, /128MiB/],
  [size, "1.5", /no whole number/, /128MiB/],
  [count, "5x", /no whole number/, /1200/],
  [count, "1.5", /no whole number/, /1200/],
  [count, "", /no whole number/, /1200/],
  [count, "1e3", /no whole number/, /1200/],
  [parseBoolean, "perhaps", /neither true nor false/, /true or false/],
  [parseBroker, "kafka", /without a port/, /kafka:9092/],
  [parseBroker, "kafka:99999", /impossible port/, /65535/],
  [parseBroker, "kafka:0", /impossible port/, /65535/],
  [parseBroker, "http://kafka:9092", /a URL/, /no scheme/],
  [parseBroker, "user@kafka:9092", /no broker address/, /HOST:PORT/],
  [parseRegistryUrl, "schema-registry:8081", /no http\(s\) URL/, /http:\/\//],
  [parseRegistryUrl, "ftp://x", /no http\(s\) URL/, /http:\/\//],
  [parseRegistryUrl, "http://x?y=1", /query/, /http:\/\//],
  [parseTopic, "regex/", /no topic name/, /249/],
  [parseTopic, "..", /no topic name/, /249/],
  [parseTopic, "x".repeat(250), /no topic name/, /249/],
  [parseFolder, " ", /empty/, /folder/],
  [parseFolder, "s3://bucket/x", /no folder of this host/, /local folder/],
];

for (const [parse, text, message, hint] of BAD) {
  Deno.test(`${parse.name} refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
    assert.throws(() => parse(text), (error) => {
      assert.ok(error instanceof InvalidValue);
      assert.match(error.message, message);
      assert.match(error.hint, hint);
      return true;
    });
  });
}

Deno.test("a value out of its range is told the range in its unit", () => {
  assert.throws(() => parseDurationMs("3h", { min: 100, max: 3_600_000 }), {
    hint: "Choose from 100ms to 1h.",
  });
  assert.throws(() => parseSizeBytes("1", { min: 1024, max: 2 ** 30 }), {
    hint: "Choose from 1KiB to 1GiB.",
  });
});

Deno.test("a list is split at commas, without repeats and empty parts", () => {
  assert.deepEqual(parseList(["a,b", " c ,,a"]), ["a", "b", "c"]);
  assert.throws(() => parseList([" , "]), InvalidValue);
});

Deno.test("what is formatted reads back as the same value", () => {
  for (const valueMs of [1, 250, 60_000, 90_000, 5_400_000, 93_784_005]) {
    assert.equal(duration(formatDurationMs(valueMs)), valueMs);
  }
  for (const valueBytes of [1, 1_000, 2 ** 10, 2 ** 20 * 3, 2 ** 30, 2 ** 30 + 1]) {
    assert.equal(size(formatSizeBytes(valueBytes)), valueBytes);
  }
});

Deno.test("a start: a name, or a time that is UTC unless it says otherwise", () => {
  assert.equal(parseStart("files"), "files");
  const morning = Date.UTC(2026, 0, 31, 8, 30);
  for (
    const text of [
      "2026-01-31T08:30",
      "2026-01-31T08:30:00Z",
      "2026-01-31T09:30+01:00",
      "2026-01-31T08:30:00.000",
    ]
  ) {
    assert.deepEqual(parseStart(text), { atMs: morning }, text);
  }
  assert.deepEqual(parseStart("2026-01-31"), { atMs: Date.UTC(2026, 0, 31) });
  for (const text of ["", "yesterday", "2026-13-01", "2026-02-31T25:00", "1700000000"]) {
    assert.throws(() => parseStart(text), InvalidValue, text);
  }
});

Deno.test("topics: commas separate names, but not within a pattern", () => {
  assert.deepEqual(parseTopics(["a,b", "/x{1,2}/"]), ["a", "b", "/x{1,2}/"]);
  assert.deepEqual(parseTopics(["/a/,/b/"]), ["/a/", "/b/"]);
  assert.equal(parseTopic("/x{1,2}/"), "/x{1,2}/");
  assert.throws(() => parseTopic("/(/"), InvalidValue);
  assert.throws(() => parseTopic("a/b"), InvalidValue);
});
