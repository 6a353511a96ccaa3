/** Tests that need real servers. */
import { messageOf, UserError } from "../../src/errors.ts";
import { findJava, findMaven } from "../../dev/tools.ts";
import { killPrograms } from "./program.ts";
import { type TestServers, testServers } from "./servers.ts";

/** Set once the reason for skipping has been said: by the test runner, or by an earlier test file. */
const SKIP_VARIABLE = "K2P_TEST_SKIP";

const ignore = await cannotRun();

/**
 * A test with the shared servers. Programs that it leaves running are ended.
 *
 * Without Java or Maven it is skipped, with one line that says what to install; where `CI` is set it fails instead.
 */
export function integrationTest(name: string, test: (servers: TestServers) => Promise<void>): void {
  serverTest(name, { servers: testServers, test });
}

/** The same with servers of the test file's own. */
export function serverTest<Servers>(
  name: string,
  { servers, test }: { servers: () => Promise<Servers>; test: (servers: Servers) => Promise<void> },
): void {
  Deno.test({
    name,
    ignore,
    // kafkajs closes its sockets after its promises have settled, and servers outlive the test that started them.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      try {
        await test(await servers());
      } finally {
        await killPrograms();
      }
    },
  });
}

/** Whether integration tests must be skipped here; says why, once. */
export async function cannotRun(): Promise<boolean> {
  if (Deno.env.get(SKIP_VARIABLE)) return true;
  if (Deno.env.get("CI") || Deno.env.get("K2P_TEST_BROKERS")) return false;
  try {
    await findJava();
    await findMaven();
    return false;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`Integration tests are skipped: ${messageOf(error)}. ${error.hint}`);
    Deno.env.set(SKIP_VARIABLE, "1");
    return true;
  }
}
