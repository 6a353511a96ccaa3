/** The sink room: where checkpoints are prepared and published, and published files exchanged for others. */
export type {
  CheckpointRef,
  FileToPrepare,
  Manifest,
  Preparation,
  PreparedCheckpoint,
  Published,
  Sink,
} from "./sink.ts";
export { LocalSink, type LocalSinkOptions } from "./local.ts";
export { lookInto, type SinkLook, type Trial, tryOut } from "./look.ts";
export { type Done, type Exchanged, fingerprintOf, LocalExchange } from "./exchange.ts";
export type { Fingerprint } from "./exchange_manifest.ts";
export { findHomes, type FoundCheckpoint, type FoundExchange, type Home } from "./homes.ts";
export { problemLine, SinkError, type SinkProblem } from "./problems.ts";
