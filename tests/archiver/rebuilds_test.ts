import assert from "node:assert/strict";

import { Rebuilds, REBUILDS_MAX, REBUILDS_WINDOW_MS } from "../../src/archiver/rebuilds.ts";

Deno.test("so many archivers are replaced within the window, and more when it has moved on", () => {
  const rebuilds = new Rebuilds();
  for (let i = 1; i <= REBUILDS_MAX; i++) assert.equal(rebuilds.next(i * 1_000), i);
  assert.equal(rebuilds.next(REBUILDS_WINDOW_MS + 999), undefined);
  // The first one is out of the window now, the others are not.
  assert.equal(rebuilds.next(REBUILDS_WINDOW_MS + 1_000), REBUILDS_MAX);
  assert.equal(rebuilds.next(REBUILDS_WINDOW_MS + 1_001), undefined);
  assert.equal(rebuilds.total, REBUILDS_MAX + 1);
});
