/** What integration tests use. */
export {
  type Archive,
  type ArchiveFile,
  parquetFiles,
  readArchive,
  readParquet,
  type Row,
} from "./archive.ts";
export { duck } from "./duck.ts";
export { exists } from "./exists.ts";
export { ROOT } from "./paths.ts";
export { isAlive, type Program, type ProgramOptions, runCommand, runProgram } from "./program.ts";
export { anySize, codesIn, readmeTable } from "./readme.ts";
export { testRandom } from "./seed.ts";
export {
  type AvroOptions,
  type ProduceOptions,
  TestServers,
  testServers,
  type TopicOptions,
  uniqueName,
} from "./servers.ts";
export { type TempDir, tempDir } from "./temp.ts";
export { waitFor, type WaitOptions } from "./wait.ts";
