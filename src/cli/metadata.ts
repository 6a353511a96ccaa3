/** What `--metadata` takes. */
import { KEY_FORMS, type Metadata, METADATA_FIELDS, type MetadataField, NO_METADATA } from "../config.ts";
import { nearest } from "../nearest.ts";
import { InvalidValue, parseList } from "./values.ts";

const ALL = "all";
const NONE = "none";
/** `key` itself is the binary form. */
const KEYS = ["key", ...KEY_FORMS.filter((form) => form !== "binary").map((form) => `key:${form}`)];
const WORDS: readonly string[] = [
  ...METADATA_FIELDS.flatMap((field) => field === "key" ? KEYS : [field]),
  ALL,
  NONE,
];

/** Fields separated by commas; a form of the key may stand beside `all`. */
export function parseMetadata(texts: readonly string[]): Metadata {
  const words = parseList(texts).map((word) => word.toLowerCase());
  for (const word of words) if (!WORDS.includes(word)) throw unknownWord(word);
  if (words.includes(NONE)) {
    if (words.length === 1) return NO_METADATA;
    throw new InvalidValue("none and something", `Leave out ${NONE}, or the rest.`);
  }
  const forms = words.filter((word) => word.startsWith("key:"));
  if (forms.length > 1 || (forms.length === 1 && words.includes("key"))) {
    throw new InvalidValue("a key in two forms", `Choose one of ${KEYS.join(", ")}.`);
  }
  const has = (field: MetadataField) =>
    words.includes(ALL) || words.some((word) => word === field || word.startsWith(`${field}:`));
  return {
    fields: METADATA_FIELDS.filter(has),
    keyForm: KEY_FORMS.find((form) => forms[0] === `key:${form}`) ?? "binary",
  };
}

function unknownWord(word: string): InvalidValue {
  const meant = nearest(word, WORDS);
  return new InvalidValue(
    `a list with ${JSON.stringify(word)} in it`,
    meant === undefined ? `Choose from ${WORDS.join(", ")}.` : `Did you mean ${meant}?`,
  );
}
