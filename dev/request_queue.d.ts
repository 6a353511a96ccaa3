/** What we touch of a file of kafkajs that has no types. */
export default class RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}
