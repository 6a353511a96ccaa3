/** Asking for a schema by its GUID, which only newer registries can answer. */
import type { RegistryAnswer, RegistryApi } from "./confluent.ts";

/** What a server says of a path that it does not have: not found, not this method, not implemented. */
const NO_SUCH_PATH = [404, 405, 501];
const NOT_FOUND_CODE = 40_403;
const NOT_SUPPORTED = "it does not seem to support GUIDs, as newer registries do";

/**
 * The registry's answer, which is a "not found" also where it has no such path at all. That it is a registry, and no
 * proxy or wrong path, is seen from its answer to `anyId`: where there is none, that is what comes back.
 */
export async function schemaByGuid(
  api: RegistryApi,
  { guid, anyId }: { readonly guid: string; readonly anyId: number },
): Promise<RegistryAnswer> {
  const answer = await api.schemaByGuid(guid);
  if (answer.kind !== "answer" || !NO_SUCH_PATH.includes(answer.status) || hasReason(answer.data)) {
    return answer;
  }
  const other = await api.schemaById(anyId);
  if (other.kind !== "answer" || (other.status !== 200 && !hasReason(other.data))) return other;
  return { ...answer, status: 404, data: { error_code: NOT_FOUND_CODE, message: NOT_SUPPORTED } };
}

/** Whether it is a registry that says it: its codes have more digits than those of HTTP. */
function hasReason(data: unknown): boolean {
  return typeof data === "object" && data !== null && "error_code" in data && Number(data.error_code) > 999;
}
