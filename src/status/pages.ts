/** What the server answers: a path, and what is behind it. Pure. */
import { redact } from "../secrets.ts";
import { CONTENT_TYPE, exposition } from "./exposition.ts";
import type { Facts } from "./facts.ts";
import { checkLines, type CheckResult, isAllOk, liveness, readiness } from "./health.ts";
import { METRICS } from "./metrics.ts";
import { statusJson } from "./status_json.ts";
import html from "./page/index.html" with { type: "text" };
import pageCss from "./page/page.css" with { type: "text" };
import pageJs from "./page/page.js" with { type: "text" };
import uplotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import uplotJs from "uplot/dist/uPlot.iife.min.js" with { type: "text" };

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const TEXT = "text/plain; charset=utf-8";
const JAVASCRIPT = "text/javascript; charset=utf-8";
const CSS = "text/css; charset=utf-8";

const PATHS: Readonly<Record<string, (facts: () => Facts) => Answer>> = {
  "/": () => ok("text/html; charset=utf-8", html),
  "/page.css": () => ok(CSS, pageCss),
  "/page.js": () => ok(JAVASCRIPT, pageJs),
  "/uplot.css": () => ok(CSS, uplotCss),
  "/uplot.js": () => ok(JAVASCRIPT, uplotJs),
  "/livez": (facts) => health(liveness(facts())),
  "/readyz": (facts) => health(readiness(facts())),
  "/metrics": (facts) => ok(CONTENT_TYPE, redact(exposition(METRICS, facts()))),
  "/status.json": (facts) =>
    ok("application/json; charset=utf-8", `${redact(JSON.stringify(statusJson(facts())))}\n`),
};

/** Those that a person may want; the others are what the page is made of. */
const PUBLIC_PATHS = ["/", "/livez", "/readyz", "/metrics", "/status.json"];

export function answer(path: string, facts: () => Facts): Answer {
  const page = Object.hasOwn(PATHS, path) ? PATHS[path] : undefined;
  if (page !== undefined) return page(facts);
  return { status: 404, type: TEXT, body: `Not found. There are: ${PUBLIC_PATHS.join(" ")}\n` };
}

export function refusal(status: number, reason: string): Answer {
  return { status, type: TEXT, body: `${reason}\n` };
}

function ok(type: string, body: string): Answer {
  return { status: 200, type, body };
}

function health(results: readonly CheckResult[]): Answer {
  return { status: isAllOk(results) ? 200 : 503, type: TEXT, body: redact(checkLines(results)) };
}
