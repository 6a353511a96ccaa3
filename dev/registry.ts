/** A real schema registry on the local host: Apicurio, through its Confluent-compatible API. */
import { UserError } from "../src/errors.ts";
import { registryHome } from "./download.ts";
import { freePorts } from "./ports.ts";
import { ServerProcess } from "./server_process.ts";
import { findJava } from "./tools.ts";

const READY_TIMEOUT_MS = 90_000;
const ANSWER_TIMEOUT_MS = 2_000;
const PORT_ATTEMPTS = 3;

export interface RegistryOptions {
  /** A free one by default. */
  readonly port?: number;
  /** Kept at the end; a temporary folder, removed at the end, by default. */
  readonly dataDir?: string;
  /** Further `-D` settings, without the `-D`. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RegistryServer extends AsyncDisposable {
  /** Base of the Confluent API: `<url>/subjects` is there. */
  readonly url: string;
  readonly pid: number;
  readonly logFile: string;
  /** SIGKILL waits for the end of the process; other signals (SIGSTOP, SIGCONT) are only sent. */
  kill(signal?: Deno.Signal): Promise<void>;
  /** Ends the registry in good order, its schemas kept for a restart. */
  shutdown(): Promise<void>;
  /** Again on the same port, with the schemas and ids that it had. */
  restart(): Promise<void>;
  /** Ends the registry and removes its data, if the folder was not given. */
  stop(): Promise<void>;
}

/**
 * Starts a registry and waits until it answers.
 *
 * @throws {UserError} where Java or Maven is missing, or it does not come up: with the end of its log.
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryServer> {
  const java = await findJava();
  const home = await registryHome();
  for (let attempt = 1;; attempt++) {
    const folder = options.dataDir ?? await Deno.makeTempDir({ prefix: "kafka2parquet-registry-" });
    await Deno.mkdir(folder, { recursive: true });
    const removeAtEnd = options.dataDir === undefined ? folder : undefined;
    const registry = new Registry(
      { java, home, folder, removeAtEnd, port: options.port ?? freePorts(1)[0]! },
      options,
    );
    try {
      await registry.start();
      return registry;
    } catch (error) {
      await registry.stop();
      // A free port may be taken by another process before the registry has bound it.
      const portTaken = error instanceof UserError && /already in use|already bound/.test(error.message);
      if (!portTaken || options.port !== undefined || attempt >= PORT_ATTEMPTS) throw error;
    }
  }
}

interface RegistryPlace {
  readonly java: string;
  readonly home: string;
  readonly folder: string;
  readonly removeAtEnd: string | undefined;
  readonly port: number;
}

class Registry implements RegistryServer {
  readonly url: string;
  readonly logFile: string;
  readonly #process: ServerProcess;
  readonly #removeAtEnd: string | undefined;

  constructor(place: RegistryPlace, options: RegistryOptions) {
    const { port, folder } = place;
    this.url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
    this.logFile = `${folder}/registry.log`;
    this.#removeAtEnd = place.removeAtEnd;
    const settings: Record<string, string> = {
      "quarkus.http.host": "127.0.0.1",
      "quarkus.http.port": String(port),
      "apicurio.storage.kind": "sql",
      "apicurio.storage.sql.kind": "h2",
      // A file, where the default is memory: a restart keeps schemas and their ids.
      "apicurio.datasource.url": `jdbc:h2:file:${folder}/schemas`,
      "apicurio.datasource.jdbc.initial-size": "1",
      "apicurio.datasource.jdbc.min-size": "1",
      "apicurio.datasource.jdbc.max-size": "10",
      ...options.settings,
    };
    this.#process = new ServerProcess({
      name: "Apicurio registry",
      command: [
        place.java,
        "-Xmx192m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        ...Object.entries(settings).map(([key, value]) => `-D${key}=${value}`),
        "-jar",
        runnableJar(place.home),
      ],
      logFile: this.logFile,
      scratchDir: place.removeAtEnd,
      readyTimeoutMs: READY_TIMEOUT_MS,
      ready: () => answers(this.url),
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  async start(): Promise<void> {
    this.#process.launch();
    await this.#process.untilReady();
  }

  async kill(signal: Deno.Signal = "SIGKILL"): Promise<void> {
    if (signal === "SIGKILL") await this.#process.kill();
    else this.#process.signal(signal);
  }

  async shutdown(): Promise<void> {
    await this.#process.stop();
  }

  async restart(): Promise<void> {
    await this.shutdown();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.shutdown();
    if (this.#removeAtEnd !== undefined) await Deno.remove(this.#removeAtEnd, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function runnableJar(home: string): string {
  for (const entry of Deno.readDirSync(home)) {
    if (entry.isFile && /-runner\.jar$|^quarkus-run\.jar$/.test(entry.name)) return `${home}/${entry.name}`;
  }
  throw new UserError(`Cannot find the registry's runnable jar in ${home}`, {
    hint: `Remove the folder ${home} and start again: it is then downloaded anew.`,
  });
}

async function answers(url: string): Promise<void> {
  // Any answer but 401 or 200 means that it is still starting; with authentication on, 401 is as good.
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  await response.body?.cancel();
  if (response.status !== 200 && response.status !== 401) throw new Error(`HTTP status ${response.status}`);
}
