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
