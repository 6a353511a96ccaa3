/** A real browser for tests of the status page: Debian's Chromium, which `apt-get install chromium` brings. */
import { type Browser, chromium, type Page } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";
/** It runs as root in containers, and asks nobody but the page's own server. */
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const ignore = !hasChromium() && Deno.env.get("CI") === undefined;
if (ignore) console.error("The status page is not tested in a browser: install Debian's chromium.");

/** A test with a browser; without Chromium it is skipped, where `CI` is set it fails instead. */
export function browserTest(name: string, test: (browser: Browser) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    // The browser's process and its pipes end after their promises.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
      try {
        await test(browser);
      } finally {
        await browser.close();
      }
    },
  });
}

/** What a page has said and asked for since this was called: errors, and whom it has asked. */
export function listen(page: Page): { readonly problems: string[]; readonly origins: Set<string> } {
  const problems: string[] = [];
  const origins = new Set<string>();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "data:") origins.add(origin);
  });
  return { problems, origins };
}

function hasChromium(): boolean {
  try {
    return Deno.statSync(CHROMIUM).isFile;
  } catch {
    return false;
  }
}
