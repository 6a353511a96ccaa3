/** The Parquet room: encode a file, read a footer back. The only place that imports parquet-wasm and hyparquet. */
export { type Batch, loadParquetEncoder, type ParquetEncoder, type ParquetOptions } from "./encode.ts";
export {
  type CheckedFooter,
  type Footer,
  FOOTER_KEY_PREFIX,
  type FooterContent,
  footerEntries,
  parseEntries,
  type RangeCounts,
  readFooter,
  type RedrivenRecords,
} from "./footer.ts";
export {
  type FileColumn,
  type FileLeaf,
  type FileSummary,
  ParquetReader,
  type RowGroupSummary,
  type Storage,
} from "./inspect.ts";
export { type FoundPath, inOrder, parquetPaths } from "./folder.ts";
export { checkPages } from "./pages.ts";
export { type TypeNames, typeNamesOf } from "./type_names.ts";
export type { Value } from "./values.ts";
