/** The sink room: where checkpoints are prepared and published. */
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
export { findHomes, type FoundCheckpoint, type Home } from "./homes.ts";
export { problemLine, SinkError, type SinkProblem } from "./problems.ts";
