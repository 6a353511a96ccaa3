import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { PERMISSIONS } from "../../dev/compile/permissions.ts";
import { ROOT } from "../support/mod.ts";
import { Authority } from "../support/pki.ts";

Deno.test("the binary's permissions suffice for an https registry with the authorities of the program", async () => {
  await using authority = await Authority.create("Nobody's");
  const { key, cert } = await authority.certificate("server");
  const server = createServer({ key: await Deno.readTextFile(key), cert: await Deno.readTextFile(cert) });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        ...PERMISSIONS,
        `${ROOT}/main.ts`,
        "schema",
        "a",
        "--registry",
        url,
      ],
      env: { NO_COLOR: "1" },
    }).output();
    assert.match(new TextDecoder().decode(stderr), /is not from a public authority: it is from "Nobody's"/);
    assert.equal(code, 78);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
