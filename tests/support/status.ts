/** Asking a program that runs with `--http 127.0.0.1:0` for its health and metrics. */
import type { StatusJson } from "../../src/status/mod.ts";
import type { Program } from "./program.ts";
import { waitFor } from "./wait.ts";

const DEADLINE_MS = 60_000;

/** The flag that gives each program a port of its own. */
export const ANY_PORT = ["--http", "127.0.0.1:0"] as const;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface StatusClient {
  readonly url: string;
  ask(path: string): Promise<Answer>;
  status(): Promise<StatusJson>;
  /** Waits for an answer to `path` that matches, and gives it. */
  until(path: string, status: number, text: RegExp): Promise<Answer>;
}

/** Finds the address in the program's log. */
export async function statusOf(program: Program): Promise<StatusClient> {
  const [, url] = await program.waitForLine(/Status page, health and metrics: (http:\/\/[^/\s]+:[1-9]\d*\/)/);
  const ask = async (path: string): Promise<Answer> => {
    const response = await fetch(new URL(path, url));
    return { status: response.status, text: await response.text() };
  };
  return {
    url: url!,
    ask,
    status: async () => JSON.parse((await ask("status.json")).text) as StatusJson,
    until: async (path, status, text) => {
      let last: Answer | undefined;
      try {
        return await waitFor(async () => {
          last = await ask(path);
          return last.status === status && text.test(last.text) && last;
        }, { what: "the answer", deadlineMs: DEADLINE_MS });
      } catch (error) {
        throw new Error(`/${path} did not come to say ${status} and ${text}, but: ${JSON.stringify(last)}`, {
          cause: error,
        });
      }
    },
  };
}
