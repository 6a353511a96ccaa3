import assert from "node:assert/strict";

import type { Facts } from "../../src/status/mod.ts";
import { checkLines, isAllOk, liveness, readiness } from "../../src/status/health.ts";
import { ALL_WELL, someFacts, someWorker } from "./some_facts.ts";

const ready = (facts: Facts) => checkLines(readiness(facts));

Deno.test("all is well: a line for each check", () => {
  assert.equal(ready(someFacts()), "[+]broker ok\n[+]registry ok\n[+]sink ok\n[+]group joined\n");
  assert.equal(checkLines(liveness(someFacts())), "[+]worker ok\n");
  assert.ok(isAllOk(readiness(someFacts())));
});

Deno.test("what is away is said with its reason, on one line", () => {
  const checks = { ...ALL_WELL, registry: "connect ECONNREFUSED\n[+]sink ok", group: "not joined yet" };
  const facts = someFacts({ workers: [someWorker({ checks })] });
  assert.equal(
    ready(facts),
    "[+]broker ok\n[-]registry failed: connect ECONNREFUSED [+]sink ok\n[+]sink ok\n" +
      "[-]group failed: not joined yet\n",
  );
  assert.ok(!isAllOk(readiness(facts)));
  assert.ok(isAllOk(liveness(facts)), "what is away is no reason to be restarted");
});

Deno.test("nothing is ready before anything was heard, and when the end has begun", () => {
  const silent = readiness(someFacts({ workers: [someWorker({ checks: undefined })] }));
  assert.ok(silent.every(({ ok }) => !ok));
  assert.match(ready(someFacts({ state: "draining" })), /\[\+\]group joined\n\[-\]shutdown draining\n$/);
});

Deno.test("of several workers the one in trouble is named, and one that is done is not asked", () => {
  const workers = [
    someWorker(),
    someWorker({ number: 2, checks: { ...ALL_WELL, sink: "disk full" } }),
    someWorker({ number: 3, checks: undefined, isOver: true }),
  ];
  assert.match(ready(someFacts({ workers })), /^\[-\]sink failed: worker 2: disk full$/m);
  assert.match(ready(someFacts({ workers })), /^\[\+\]group joined$/m);
});

Deno.test("a worker that is dead: the program is not live, and what it said last counts for nothing", () => {
  const facts = someFacts({ workers: [someWorker(), someWorker({ number: 2, dead: "it hangs" })] });
  assert.equal(checkLines(liveness(facts)), "[+]worker 1 ok\n[-]worker 2 failed: it hangs\n");
  assert.ok(readiness(facts).every(({ ok }) => !ok));
});
