/** What happens to offset commits on their way: the proxy asks, the schedule has said. */
import { Api, type Fate, type ProxiedRequest } from "../support/proxy.ts";

/**
 * - as {@link Fate} says;
 * - `hold`: the broker hears of it after `ms`, as if the way had been slow;
 * - `late`: the client hears nothing, and the broker hears of it after `ms`, when the client has long tried again.
 */
export interface CommitFate {
  readonly kind: Exclude<Fate, "pass"> | "hold" | "late";
  readonly ms: number;
}

export class CommitFates {
  readonly #next: CommitFate[] = [];
  readonly #late = new Set<ReturnType<typeof setTimeout>>();
  #met = 0;

  /** How many commits have met a fate. */
  get met(): number {
    return this.#met;
  }

  arm(fates: readonly CommitFate[]): void {
    this.#next.push(...fates);
  }

  /** Everything passes from here on, what is late not at all. */
  heal(): void {
    this.#next.length = 0;
    for (const timer of this.#late) clearTimeout(timer);
  }

  async decide(request: ProxiedRequest): Promise<Fate> {
    const fate = request.api === Api.offsetCommit ? this.#next.shift() : undefined;
    if (fate === undefined) return "pass";
    this.#met++;
    switch (fate.kind) {
      case "hold":
        await new Promise((resolve) => setTimeout(resolve, fate.ms));
        return "pass";
      case "late":
        this.#later(request, fate.ms);
        return "lose";
      default:
        return fate.kind;
    }
  }

  #later(request: ProxiedRequest, ms: number): void {
    const timer = setTimeout(() => {
      this.#late.delete(timer);
      void request.deliver();
    }, ms);
    this.#late.add(timer);
  }
}
