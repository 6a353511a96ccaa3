import assert from "node:assert/strict";

import { hidePassingSecret, hideSecrets, PASSING_MAX, redact } from "../src/secrets.ts";

Deno.test("tokens are hidden while they may be used, not for ever; settings are", () => {
  hideSecrets(["a lasting password"]);
  const token = (index: number) => `the token number ${index}.`;
  for (let index = 0; index < 100; index++) {
    hidePassingSecret(token(index));
    assert.equal(redact(token(index)), "***");
    assert.equal(redact(`a lasting password, ${btoa(token(index))}`).replaceAll("=", ""), "***, ***");
  }
  const known = Array.from({ length: 100 }, (_, index) => redact(token(index))).filter((text) =>
    text === "***"
  );
  assert.equal(known.length, PASSING_MAX);
  assert.equal(redact(token(100 - PASSING_MAX)), "***");
});

Deno.test("a token that comes again is as good as new", () => {
  hidePassingSecret("the same token");
  for (let index = 1; index < PASSING_MAX; index++) hidePassingSecret(`another token ${index}`);
  hidePassingSecret("the same token");
  hidePassingSecret("yet another token");
  assert.equal(redact("the same token"), "***");
});
