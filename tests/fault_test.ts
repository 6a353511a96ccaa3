import assert from "node:assert/strict";
import { UserError } from "../src/errors.ts";
import { armFaults, FAULT_POINTS, faultPoint } from "../src/fault.ts";

/** Which of so many passings of a point throw, by the code of their error. */
async function passings(text: string, count: number): Promise<(string | undefined)[]> {
  armFaults(text);
  const codes: (string | undefined)[] = [];
  try {
    for (let i = 0; i < count; i++) {
      try {
        await faultPoint("file-synced");
        codes.push(undefined);
      } catch (error) {
        codes.push((error as { code?: string }).code);
      }
    }
  } finally {
    armFaults(undefined);
  }
  return codes;
}

Deno.test("a fault happens at the first passing, at the one that is named, or from there on", async () => {
  assert.deepEqual(await passings("file-synced:EIO", 3), ["EIO", undefined, undefined]);
  assert.deepEqual(await passings("file-synced:ENOSPC@2", 3), [undefined, "ENOSPC", undefined]);
  assert.deepEqual(await passings("file-synced:EROFS@2+", 4), [undefined, "EROFS", "EROFS", "EROFS"]);
  assert.deepEqual(await passings("joined:EIO,file-synced:EXDEV@3", 3), [undefined, undefined, "EXDEV"]);
  assert.deepEqual(await passings("file-synced:delay=1ms,file-synced:EIO@2", 2), [undefined, "EIO"]);
});

Deno.test("a fault looks like Deno's own error", async () => {
  armFaults("joined:ENOSPC");
  try {
    await assert.rejects(async () => await faultPoint("joined"), {
      name: "Error",
      message: "No space left on device (os error 28)",
      code: "ENOSPC",
    });
  } finally {
    armFaults(undefined);
  }
});

Deno.test("where nothing is armed a fault point is no promise", () => {
  armFaults(undefined);
  for (const point of FAULT_POINTS) assert.equal(faultPoint(point), undefined);
});

for (
  const [text, message] of [
    ["after-comit:SIGKILL", /no fault point "after-comit"/],
    ["after-commit:SIGTERM", /no fault "SIGTERM"/],
    ["after-commit:toString", /no fault "toString"/],
    ["after-commit", /is not <point>:<fault>/],
    ["after-commit:EIO@0", /is not <point>:<fault>/],
    ["joined:EIO,", /"" is not <point>:<fault>/],
  ] as const
) {
  Deno.test(`K2P_FAULT=${text} is refused, with the names that there are`, () => {
    assert.throws(() => armFaults(text), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      assert.match(error.hint ?? "", /after-commit.*SIGKILL.*ENOSPC.*delay=2s/);
      return true;
    });
  });
}

Deno.test({
  name: "a signal that the program may not send is refused at the start",
  permissions: { run: false },
  fn() {
    assert.throws(() => armFaults("after-commit:SIGKILL"), /which is not permitted/);
    armFaults("after-commit:EIO");
    armFaults(undefined);
  },
});
