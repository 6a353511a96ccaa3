/** Every record of the producer's log against what DuckDB finds in the files. */
import { duck } from "../../support/mod.ts";

export interface RecordsToCompare {
  /** Path of the producer's log. */
  readonly log: string;
  /** Folders of data files; each has some. */
  readonly archives: readonly string[];
  /** Folders of dead-letter files; each has some. */
  readonly deadLetters: readonly string[];
  readonly idColumn: string;
  /** By `topic/partition`: records at and above are not expected yet. Without, all are. */
  readonly ends: ReadonlyMap<string, bigint> | undefined;
}

export interface RecordProblem {
  readonly kind: "lost" | "duplicated" | "aborted_visible" | "invented";
  /** How many records. */
  readonly count: number;
  readonly detail: string;
}

const LOG_COLUMNS =
  `{topic:'VARCHAR', partition:'BIGINT', "offset":'BIGINT', id:'BIGINT', outcome:'VARCHAR', kind:'VARCHAR'}`;

/**
 * Records are told apart by their id in data files and by their offset in dead-letter files. An id that the producer
 * has sent several times is wanted as often.
 */
export async function compareRecords(options: RecordsToCompare): Promise<RecordProblem[]> {
  const rows = await duck(query(options));
  return rows.map((row): RecordProblem => {
    const numbers = {
      seen: Number(row.seen),
      wanted: Number(row.wanted),
      allowed: Number(row.allowed),
      aborted: Number(row.aborted),
    };
    const where = `${row.name} ${row.places ?? ""} is in ${numbers.seen} of ${numbers.wanted} places: ${
      row.files ?? "no file"
    }`;
    const { seen, wanted, allowed, aborted } = numbers;
    if (seen < wanted) return { kind: "lost", count: wanted - seen, detail: where };
    if (aborted > 0 && allowed === 0) return { kind: "aborted_visible", count: seen, detail: where };
    if (allowed === 0) return { kind: "invented", count: seen, detail: where };
    return { kind: "duplicated", count: seen - allowed, detail: where };
  });
}

/** One row for each record that is seen less often than wanted, or more often than allowed. */
function query({ log, archives, deadLetters, idColumn, ends }: RecordsToCompare): string {
  const id = `"${idColumn.replaceAll('"', '""')}"`;
  const globs = (folders: readonly string[]) =>
    `[${folders.map((one) => text(`${one}/**/*.parquet`)).join(", ")}]`;
  const found = [
    ...archives.length === 0 ? [] : [
      `SELECT 'id ' || CAST(${id} AS VARCHAR) AS name, filename FROM read_parquet(${globs(archives)},
        union_by_name = true, filename = true)`,
    ],
    ...deadLetters.length === 0 ? [] : [
      `SELECT 'record ' || topic || '/' || partition || ' ' || "offset" AS name, filename
        FROM read_parquet(${globs(deadLetters)}, union_by_name = true, filename = true)`,
    ],
    "SELECT NULL AS name, NULL AS filename WHERE false",
  ].join(" UNION ALL ");
  const due = ends === undefined ? "true" : [
    "false",
    ...[...ends].map(([key, end]) => `(topic || '/' || partition = ${text(key)} AND "offset" < ${end})`),
  ].join(" OR ");
  return `
    WITH log AS (
      SELECT *, CASE kind WHEN 'dead_letter' THEN 'record ' || topic || '/' || partition || ' ' || "offset"
        ELSE 'id ' || id END AS name
      FROM read_json(${text(log)}, format = 'newline_delimited', columns = ${LOG_COLUMNS})
      WHERE kind IS DISTINCT FROM 'skipped'
    ), expected AS (
      SELECT name,
        count(*) FILTER (outcome = 'committed' AND (${due})) AS wanted,
        count(*) FILTER (outcome <> 'aborted') AS allowed,
        count(*) FILTER (outcome = 'aborted') AS aborted,
        string_agg(topic || '[' || partition || '] offset ' || "offset", ', ') AS places
      FROM log GROUP BY name
    ), found AS (
      SELECT name, count(*) AS seen, string_agg(filename, ', ') AS files FROM (${found}) GROUP BY name
    ), both_sides AS (
      SELECT coalesce(expected.name, found.name) AS name, places, files, coalesce(seen, 0) AS seen,
        coalesce(wanted, 0) AS wanted, coalesce(allowed, 0) AS allowed, coalesce(aborted, 0) AS aborted
      FROM expected FULL OUTER JOIN found ON expected.name = found.name
    )
    SELECT * FROM both_sides WHERE seen < wanted OR seen > allowed ORDER BY name`;
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
