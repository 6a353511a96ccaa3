/**
 * The checkpoint room: files and offsets stay together. Prepare, commit, publish, and the judge over what is found
 * prepared; all deciding is pure, in `metadata.ts`, `plan.ts` and `judge.ts`.
 */
export { type CommitMetadata, formatMetadata, names, parseMetadata } from "./metadata.ts";
export { type PartitionPlan, planPartition } from "./plan.ts";
export { judge, type JudgeFacts, type Verdict } from "./judge.ts";
export {
  CHECKPOINT_STAGES,
  CheckpointPipeline,
  type CheckpointStage,
  type PipelineOptions,
} from "./pipeline.ts";
export { noSinkTroubles, type SinkTroubles } from "./sink_trouble.ts";
export { commitUntilKnown, reportMissing } from "./commit.ts";
export { Backlog } from "./backlog.ts";
