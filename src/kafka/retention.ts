/** When a broker deletes the records of a topic by itself. */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../errors.ts";
import type { Retention } from "./api.ts";
import type { Cluster } from "./cluster.ts";
import { Code, codeName } from "./codes.ts";
import { TOPIC_RESOURCE } from "./requests.ts";

const log = getLogger(["kafka2parquet", "kafka"]);

const CLEANUP_POLICY = "cleanup.policy";
const RETENTION_MS = "retention.ms";
const RETENTION_BYTES = "retention.bytes";

/** The topics whose settings a broker tells; the others are left out. Never throws: nothing depends on knowing. */
export async function readRetention(
  cluster: Cluster,
  topics: readonly string[],
): Promise<Map<string, Retention>> {
  const found = new Map<string, Retention>();
  const configNames = [CLEANUP_POLICY, RETENTION_MS, RETENTION_BYTES];
  try {
    const { resources } = await cluster.ask("DescribeConfigs", {
      resources: topics.map((name) => ({ type: TOPIC_RESOURCE, name, configNames })),
    });
    for (const { errorCode, resourceName, configEntries } of resources) {
      const settings = new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]));
      if (errorCode === Code.NONE) found.set(resourceName, retentionOf(settings));
      else {
        log.debug("The retention of {topic} is unknown: {code}", {
          topic: resourceName,
          code: codeName(errorCode),
        });
      }
    }
  } catch (error) {
    log.debug("The retention of topics is unknown: {cause}", { cause: messageOf(error) });
  }
  return found;
}

/** A topic that is only compacted loses no record but for a later one of the same key. */
export function retentionOf(settings: ReadonlyMap<string, string | null>): Retention {
  const deletes = (settings.get(CLEANUP_POLICY) ?? "delete").split(",").some((policy) =>
    policy.trim() === "delete"
  );
  const limit = (name: string) => {
    const value = Number(settings.get(name) ?? -1);
    return deletes && value >= 0 ? value : undefined;
  };
  return { ms: limit(RETENTION_MS), bytes: limit(RETENTION_BYTES) };
}
