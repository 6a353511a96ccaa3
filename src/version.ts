import manifest from "../deno.json" with { type: "json" };

/** The program's version, as `--version` prints it and every file's footer carries it. */
export const VERSION: string = manifest.version;
