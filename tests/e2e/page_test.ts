/** The status page in a real browser. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";

import type { Facts } from "../../src/status/mod.ts";
import { serve } from "../../src/status/server.ts";
import { someFacts, someWorker } from "../status/some_facts.ts";
import { browserTest, listen } from "../support/browser.ts";

const DEADLINE_MS = 60_000;

/** Waits until the element has a text that matches. */
async function shows(page: Page, id: string, text: RegExp): Promise<void> {
  const element = page.locator(`#${id}`).filter({ hasText: text });
  await element.waitFor({ state: "visible", timeout: DEADLINE_MS });
}

/** Facts of a run that goes on: more rows, and a lag, each time that they are asked for. */
function moving(changes: Partial<Facts> = {}): () => Facts {
  let asked = 0;
  return () => {
    asked++;
    const facts = someFacts(changes);
    return { ...facts, nowMs: Date.now(), startedAtMs: Date.now() - 300_000, rows: 2_400 + asked * 1_000 };
  };
}

browserTest("the page shows a run as it goes on, and asks nobody else", async (browser) => {
  const server = serve({ host: "127.0.0.1", port: 0, isDefault: false }, moving());
  try {
    const page = await browser.newPage();
    const heard = listen(page);
    await page.goto(server.url);
    await shows(page, "rate", /^[\d,]*[1-9][\d,]*$/);
    await shows(page, "rows", /^[1-9]\d*,400$/);
    await shows(page, "lag", /^12$/);
    await shows(page, "chips", /running\s*live\s*ready/);
    await shows(page, "checks", /✓ broker ok/);
    await shows(page, "reasons", /dead letters: no-header\s*2/);
    await shows(page, "partitions", /orders\s*2\s*30\s*42\s*12\s*10 min/);
    await shows(page, "loss", /Kafka deletes records that are not archived yet in 10 min/);
    assert.equal(await page.locator("canvas").count(), 2, "two charts are drawn");
    assert.deepEqual(heard.problems, []);
    assert.deepEqual([...heard.origins], [new URL(server.url).origin]);
  } finally {
    server.close();
  }
});

browserTest("what is wrong is red, a name is never markup, and an end is told", async (browser) => {
  const name = `<img src="x" onerror="document.title='hacked'">`;
  const server = serve(
    { host: "127.0.0.1", port: 0, isDefault: false },
    moving({ group: name, state: "draining", workers: [someWorker({ dead: name })] }),
  );
  let isOpen = true;
  try {
    const page = await browser.newPage({ colorScheme: "dark" });
    await page.goto(server.url);
    await shows(page, "group", /^<img src=/);
    await shows(page, "checks", /✗ worker failed: <img src=/);
    await shows(page, "chips", /draining\s*not live\s*not ready/);
    assert.equal(await page.locator("main img, header img").count(), 0);
    assert.equal(await page.title(), "kafka2parquet");
    const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    assert.match(String(ground), /^rgb\(1\d, 2\d, 2\d\)$/, "dark where the reader has it dark");
    server.close();
    isOpen = false;
    await shows(page, "gone", /No answer/);
  } finally {
    if (isOpen) server.close();
  }
});
