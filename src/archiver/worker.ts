/** The entry of the archiver's worker thread; the supervisor starts it. */
import { serveArchiver, type WorkerScope } from "./worker_shell.ts";

serveArchiver(globalThis as unknown as WorkerScope, async () => (await import("./archive.ts")).archive);
