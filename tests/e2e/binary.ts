/** The compiled program under test: `K2P_BINARY` names it (`deno task compile` makes it). */

export const BINARY = Deno.env.get("K2P_BINARY");
