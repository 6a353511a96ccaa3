import { ROOT, runCommand, tempDir } from "../support/mod.ts";

Deno.test("of several downloads at the same time each says how far it is", async () => {
  await using folder = await tempDir();
  // A Maven that gets one file and then hangs.
  const maven =
    `#!/bin/sh\n[ "$1" = -version ] && exit\necho "Downloaded from central: x.jar"\nexec sleep 600\n`;
  await Deno.writeTextFile(`${folder.path}/mvn`, maven, { mode: 0o755 });
  const script = `
    import { kafkaLib, registryHome } from "${ROOT}/dev/download.ts";
    await Promise.all([kafkaLib("4.3.1"), registryHome()]);
  `;
  await using download = runCommand([Deno.execPath(), "eval", script], {
    env: { PATH: `${folder.path}:${Deno.env.get("PATH")}`, XDG_CACHE_HOME: `${folder.path}/cache` },
  });
  await download.waitForLine(/^ {2}Kafka 4\.3\.1: 1 file after \d+ s$/);
  await download.waitForLine(/^ {2}Apicurio registry: 1 file after \d+ s$/);
});
