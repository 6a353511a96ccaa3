/** Realistic customer events: a nested Avro schema, and values that look like a shop's. */
import { Buffer } from "node:buffer";
import type { Random } from "./random.ts";

const DECIMAL = { type: "bytes", logicalType: "decimal", precision: 12, scale: 2 } as const;

export const CUSTOMER_EVENTS_TOPIC = "customer_events";

export const CUSTOMER_EVENT_SCHEMA = {
  type: "record",
  name: "CustomerEvent",
  namespace: "com.example.shop",
  doc: "Something that a customer did in the shop.",
  fields: [
    // First, so that the fast producer knows where its bytes are.
    { name: "event_id", type: { type: "string", logicalType: "uuid" } },
    {
      name: "event_type",
      type: {
        type: "enum",
        name: "EventType",
        symbols: ["PAGE_VIEW", "SEARCH", "ADD_TO_CART", "PURCHASE", "REFUND", "SIGN_UP", "SUPPORT_TICKET"],
      },
    },
    { name: "occurred_at", type: { type: "long", logicalType: "timestamp-millis" } },
    {
      name: "customer",
      type: {
        type: "record",
        name: "Customer",
        fields: [
          { name: "id", type: "long" },
          { name: "name", type: "string" },
          { name: "email", type: ["null", "string"], default: null },
          { name: "birth_date", type: ["null", { type: "int", logicalType: "date" }], default: null },
          { name: "vip", type: "boolean" },
          {
            name: "address",
            type: {
              type: "record",
              name: "Address",
              fields: [
                { name: "street", type: "string" },
                { name: "city", type: "string" },
                { name: "postal_code", type: ["null", "string"], default: null },
                { name: "country", type: "string" },
              ],
            },
          },
        ],
      },
    },
    {
      name: "device",
      type: ["null", {
        type: "record",
        name: "Device",
        fields: [
          { name: "os", type: "string" },
          { name: "app_version", type: "string" },
          { name: "screen_width", type: "int" },
          { name: "battery", type: ["null", "float"], default: null },
        ],
      }],
      default: null,
    },
    { name: "amount", type: ["null", DECIMAL], default: null },
    { name: "currency", type: ["null", "string"], default: null },
    {
      name: "items",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "Item",
          fields: [
            { name: "sku", type: "string" },
            { name: "quantity", type: "int" },
            { name: "unit_price", type: DECIMAL },
          ],
        },
      },
    },
    { name: "attributes", type: { type: "map", values: "string" } },
    { name: "session_seconds", type: "double" },
  ],
} as const;

/** The next version: what every other event is where two versions are produced side by side. */
export const NEWER_EVENT_SCHEMA = {
  ...CUSTOMER_EVENT_SCHEMA,
  fields: [
    ...CUSTOMER_EVENT_SCHEMA.fields,
    { name: "channel", type: ["null", "string"], default: null },
    { name: "points", type: "int", default: 0 },
  ],
} as const;

const FIRST_NAMES = [
  "Ada",
  "Ben",
  "Chloé",
  "Deniz",
  "Elif",
  "Farid",
  "Grace",
  "Hana",
  "Ivo",
  "Jürgen",
  "Mia",
  "Łukasz",
];
const LAST_NAMES = [
  "Albers",
  "Bianchi",
  "Çelik",
  "Dubois",
  "Evans",
  "García",
  "Kowalski",
  "Nakamura",
  "Okafor",
  "Schäfer",
];
const PLACES = [
  { city: "Berlin", country: "DE", street: "Torstraße", currency: "EUR" },
  { city: "Zürich", country: "CH", street: "Limmatquai", currency: "CHF" },
  { city: "Lyon", country: "FR", street: "Rue Mercière", currency: "EUR" },
  { city: "São Paulo", country: "BR", street: "Rua Augusta", currency: "BRL" },
  { city: "Osaka", country: "JP", street: "Midosuji", currency: "JPY" },
  { city: "Kraków", country: "PL", street: "Floriańska", currency: "PLN" },
  { city: "Leeds", country: "GB", street: "Park Row", currency: "GBP" },
  { city: "Austin", country: "US", street: "Congress Avenue", currency: "USD" },
] as const;
const SYSTEMS = ["iOS 19.1", "Android 16", "macOS 16.2", "Windows 11", "Linux"] as const;
const CAMPAIGNS = ["spring_sale", "newsletter", "affiliate", "none"] as const;
/** Page views are common, refunds are rare. */
const EVENT_TYPES = [
  ...Array<string>(10).fill("PAGE_VIEW"),
  ...Array<string>(4).fill("SEARCH"),
  ...Array<string>(4).fill("ADD_TO_CART"),
  ...Array<string>(3).fill("PURCHASE"),
  "REFUND",
  "SIGN_UP",
  "SUPPORT_TICKET",
];
const CUSTOMERS = 50_000;
const ITEMS_MAX = 4;
const DAY_SECONDS = 86_400;

/** An event as the Avro encoder takes it: decimals as bytes, times as numbers. */
export interface CustomerEvent {
  readonly event_id: string;
  readonly customer: { readonly id: number };
  readonly [field: string]: unknown;
}

/** The next event of a random stream; `nowMs` becomes its time. */
export function customerEvent(random: Random, nowMs: number): CustomerEvent {
  const type = random.pick(EVENT_TYPES);
  const customerId = 1 + random.below(CUSTOMERS);
  const place = PLACES[customerId % PLACES.length]!;
  const items = type === "ADD_TO_CART" || type === "PURCHASE" || type === "REFUND" ? someItems(random) : [];
  const cents = items.reduce((sum, item) => sum + item.quantity * item.cents, 0);
  return {
    event_id: `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-a${random.hex(3)}-${random.hex(12)}`,
    event_type: type,
    occurred_at: nowMs,
    customer: customerOf(customerId, place),
    device: random.chance(0.85) ? someDevice(random) : null,
    amount: items.length === 0 ? null : decimal(type === "REFUND" ? -cents : cents),
    currency: items.length === 0 ? null : place.currency,
    items: items.map((item) => ({ sku: item.sku, quantity: item.quantity, unit_price: decimal(item.cents) })),
    attributes: someAttributes(random),
    session_seconds: Math.round(random.next() ** 2 * 1_800_000) / 1000,
  };
}

/** The event as {@link NEWER_EVENT_SCHEMA} has it. */
export function newerEvent(event: CustomerEvent, index: number): CustomerEvent {
  return { ...event, channel: index % 3 === 0 ? null : "web", points: index };
}

/** The same customer each time: events join on it as they would in a real archive. */
function customerOf(id: number, place: typeof PLACES[number]) {
  const first = FIRST_NAMES[id % FIRST_NAMES.length]!;
  const last = LAST_NAMES[(id >> 4) % LAST_NAMES.length]!;
  return {
    id,
    name: `${first} ${last}`,
    email: id % 7 === 0 ? null : `customer${id}@example.com`,
    birth_date: id % 3 === 0 ? null : (id * 7919) % (45 * DAY_SECONDS / 240),
    vip: id % 20 === 0,
    address: {
      street: `${place.street} ${1 + id % 180}`,
      city: place.city,
      postal_code: id % 11 === 0 ? null : String(10_000 + (id * 31) % 89_999),
      country: place.country,
    },
  };
}

function someDevice(random: Random) {
  return {
    os: random.pick(SYSTEMS),
    app_version: `5.${random.below(12)}.${random.below(4)}`,
    screen_width: random.pick([390, 412, 1280, 1440, 1920, 2560]),
    battery: random.chance(0.6) ? Math.round(random.next() * 100) / 100 : null,
  };
}

function someItems(random: Random) {
  return Array.from({ length: 1 + random.below(ITEMS_MAX) }, () => ({
    sku: `SKU-${String(random.below(5_000)).padStart(5, "0")}`,
    quantity: 1 + random.below(3),
    cents: 199 + random.below(20_000),
  }));
}

function someAttributes(random: Random): Record<string, string> {
  const attributes: Record<string, string> = { campaign: random.pick(CAMPAIGNS) };
  if (random.chance(0.3)) attributes["experiment"] = `variant_${random.pick(["a", "b", "c"])}`;
  if (random.chance(0.1)) attributes["coupon"] = `SAVE${5 * (1 + random.below(6))}`;
  return attributes;
}

/** Two's complement, most significant byte first, as few bytes as hold it. */
function decimal(cents: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeIntBE(cents, 0, 6);
  let start = 0;
  while (start < 5 && (bytes.readInt8(start) === 0 && bytes.readInt8(start + 1) >= 0)) start++;
  while (start < 5 && (bytes.readInt8(start) === -1 && bytes.readInt8(start + 1) < 0)) start++;
  return bytes.subarray(start);
}
