/** Damage to encoded values, of every kind that a decoder should be afraid of. */
import type { Random } from "../../../dev/random.ts";
import { zigzag } from "./plain_writer.ts";

const HUGE = [
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 40n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  -(2n ** 31n),
  -1n,
  -2n,
  300n,
];
/** No UTF-8: overlong forms, a surrogate, beyond U+10FFFF, a tail alone, a lead alone. */
const BAD_TEXTS = [
  [0xc0, 0xaf],
  [0xe0, 0x80, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf0, 0x80, 0x80, 0x80],
  [0x80],
  [0xc3],
];
/** What repeats grow to. */
const BYTES_MAX = 20_000;
const REPEATS_MAX = 3_000;
const VARINT_BYTES_MAX = 10;

type Mutation = (
  message: readonly number[],
  context: { random: Random; other: readonly number[] },
) => number[];

/** Replaces `[from, to)`. */
function splice(message: readonly number[], from: number, to: number, bytes: readonly number[]): number[] {
  return [...message.slice(0, from), ...bytes, ...message.slice(to)];
}

/** A place in the message; half the time near its beginning, where lengths and branches stand. */
function placeIn(message: readonly number[], random: Random): number {
  return random.below(random.chance(0.5) ? Math.min(message.length, 6) : message.length);
}

function randomBytes(random: Random, length: number): number[] {
  return Array.from({ length }, () => random.chance(0.5) ? random.below(8) : random.below(256));
}

const MUTATIONS: readonly Mutation[] = [
  function flipBits(message, { random }) {
    const out = [...message];
    for (let count = 1 + random.below(3); count > 0; count--) {
      const at = placeIn(out, random);
      out[at] = out[at]! ^ (1 << random.below(8));
    }
    return out;
  },
  function setBytes(message, { random }) {
    const out = [...message];
    for (let count = 1 + random.below(3); count > 0; count--) out[placeIn(out, random)] = random.below(256);
    return out;
  },
  function badText(message, { random }) {
    const text = random.pick(BAD_TEXTS);
    const at = placeIn(message, random);
    return [...splice(message, at, at + text.length, text)].slice(0, Math.max(message.length, at));
  },
  function truncate(message, { random }) {
    return message.slice(0, random.below(message.length));
  },
  function insert(message, { random }) {
    const at = placeIn(message, random);
    return splice(message, at, at, randomBytes(random, 1 + random.below(8)));
  },
  function remove(message, { random }) {
    const at = placeIn(message, random);
    return splice(message, at, at + 1 + random.below(8), []);
  },
  function hugeNumber(message, { random }) {
    const at = placeIn(message, random);
    return splice(message, at, at + random.below(2), zigzag(random.pick(HUGE)));
  },
  function negativeBlockCount(message, { random }) {
    const at = placeIn(message, random);
    const size = random.chance(0.7) ? random.below(30) : random.below(1000) - 500;
    return splice(message, at, at + 1, [...zigzag(-BigInt(1 + random.below(4))), ...zigzag(BigInt(size))]);
  },
  function padVarint(message, { random }) {
    const at = placeIn(message, random);
    const padding = new Array(random.below(VARINT_BYTES_MAX)).fill(0x80);
    return splice(message, at, at + 1, [message[at]! | 0x80, ...padding, 0]);
  },
  function append(message, { random }) {
    return [...message, ...randomBytes(random, 1 + random.below(9))];
  },
  function crossOver(message, { random, other }) {
    return [
      ...message.slice(0, random.below(message.length)),
      ...other.slice(random.below(other.length + 1)),
    ];
  },
  function repeat(message, { random }) {
    const from = placeIn(message, random);
    const part = message.slice(from, from + 1 + random.below(random.chance(0.5) ? 4 : message.length - from));
    const count = random.below(random.chance(0.1) ? REPEATS_MAX : 6);
    const parts = Array.from({ length: Math.min(count, Math.floor(BYTES_MAX / part.length)) }, () => part);
    return splice(message, from, from, parts.flat());
  },
  function noise(_, { random }) {
    return randomBytes(random, random.below(30));
  },
];

/** `message` with one to three kinds of damage; `other` is another value of the same schema. */
export function mutate(
  message: Uint8Array,
  { random, other }: { readonly random: Random; readonly other: Uint8Array },
): Uint8Array {
  let out: number[] = [...message];
  for (let count = random.chance(0.8) ? 1 : 3; count > 0; count--) {
    if (out.length === 0) out = randomBytes(random, random.below(4));
    else out = random.pick(MUTATIONS)(out, { random, other: [...other] });
  }
  return Uint8Array.from(out);
}
