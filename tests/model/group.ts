/** The group's coordinator as Kafka's classic protocol has it: members, generations, session timeouts, offsets. */
import { Code } from "../../src/kafka/codes.ts";
import type { Requests } from "../../src/kafka/requests.ts";
import type { Task, World } from "./world.ts";

type Args<K extends keyof Requests> = Requests[K]["args"];
type Answer<K extends keyof Requests> = Requests[K]["answer"];
type Reply<K extends keyof Requests> = (answer: Answer<K>) => void;

interface Member {
  readonly id: string;
  subscription: Uint8Array;
  assignment: Uint8Array;
  timer: Task | undefined;
  join: Reply<"JoinGroup"> | undefined;
  sync: Reply<"SyncGroup"> | undefined;
}

export interface Stored {
  readonly offset: bigint;
  readonly metadata: string;
}

/** One partition of a commit that was accepted. */
export interface Accepted extends Stored {
  readonly topic: string;
  readonly partition: number;
  readonly generation: number;
  readonly before: Stored | undefined;
}

export interface GroupOptions {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  accepted(commit: Accepted): void;
}

const EMPTY = new Uint8Array();

export class Group {
  generation = 0;
  readonly offsets = new Map<string, Stored>();
  /** Partitions of which the coordinator's broker has not heard yet. */
  readonly unknown = new Set<string>();
  #state: "empty" | "preparing" | "completing" | "stable" = "empty";
  #members = new Map<string, Member>();
  readonly #named = new Set<string>();
  #leader = "";
  #rebalance: Task | undefined;
  /** What the log holds of the group, for the next coordinator. */
  #persisted: {
    generation: number;
    leader: string;
    members: readonly Pick<Member, "id" | "subscription" | "assignment">[];
  } = {
    generation: 0,
    leader: "",
    members: [],
  };
  readonly #world: World;
  readonly #options: GroupOptions;

  constructor(world: World, options: GroupOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** Another broker takes over: what was not in the log is forgotten. */
  move(): void {
    for (const member of this.#members.values()) {
      this.#cancel(member);
      member.join?.(refusedJoin(Code.NOT_COORDINATOR, member.id));
      member.sync?.({ errorCode: Code.NOT_COORDINATOR, memberAssignment: EMPTY });
    }
    this.#endRebalance();
    const { generation, leader, members } = this.#persisted;
    this.generation = generation;
    this.#leader = leader;
    this.#named.clear();
    this.#members = new Map(members.map((member) => [member.id, {
      ...member,
      timer: undefined,
      join: undefined,
      sync: undefined,
    }]));
    this.#state = members.length === 0 ? "empty" : "stable";
    for (const member of this.#members.values()) this.#touch(member);
  }

  join({ memberId, groupProtocols }: Args<"JoinGroup">, reply: Reply<"JoinGroup">): void {
    const subscription = groupProtocols[0]!.metadata;
    if (memberId === "") {
      const id = `m-${this.#world.random.hex(8)}`;
      this.#named.add(id);
      return reply(refusedJoin(Code.MEMBER_ID_REQUIRED, id));
    }
    let member = this.#members.get(memberId);
    if (member === undefined) {
      if (!this.#named.delete(memberId)) return reply(refusedJoin(Code.UNKNOWN_MEMBER_ID, memberId));
      member = {
        id: memberId,
        subscription,
        assignment: EMPTY,
        timer: undefined,
        join: reply,
        sync: undefined,
      };
      this.#members.set(memberId, member);
      return this.#prepare();
    }
    const isSame = member.subscription === subscription;
    const mayStay = this.#state === "completing" || (this.#state === "stable" && memberId !== this.#leader);
    if (isSame && mayStay) {
      this.#touch(member);
      return reply(this.#joined(member));
    }
    member.subscription = subscription;
    // A request that the member repeats takes the place of the one before.
    member.join?.(refusedJoin(Code.UNKNOWN_MEMBER_ID, memberId));
    member.join = reply;
    this.#prepare();
  }

  sync({ memberId, generationId, groupAssignment }: Args<"SyncGroup">, reply: Reply<"SyncGroup">): void {
    const refuse = (errorCode: number) => reply({ errorCode, memberAssignment: EMPTY });
    const member = this.#members.get(memberId);
    if (member === undefined) return refuse(Code.UNKNOWN_MEMBER_ID);
    if (generationId !== this.generation) return refuse(Code.ILLEGAL_GENERATION);
    this.#touch(member);
    if (this.#state === "preparing") return refuse(Code.REBALANCE_IN_PROGRESS);
    if (this.#state === "stable") return reply({ errorCode: Code.NONE, memberAssignment: member.assignment });
    member.sync = reply;
    if (memberId !== this.#leader) return;
    const dealt = new Map(groupAssignment.map((one) => [one.memberId, one.memberAssignment]));
    this.#state = "stable";
    for (const one of this.#members.values()) one.assignment = dealt.get(one.id) ?? EMPTY;
    this.#persist();
    for (const one of this.#members.values()) {
      one.sync?.({ errorCode: Code.NONE, memberAssignment: one.assignment });
      one.sync = undefined;
    }
  }

  heartbeat({ memberId, groupGenerationId }: Args<"Heartbeat">, reply: Reply<"Heartbeat">): void {
    const member = this.#members.get(memberId);
    if (member === undefined) return reply({ errorCode: Code.UNKNOWN_MEMBER_ID });
    if (groupGenerationId !== this.generation) return reply({ errorCode: Code.ILLEGAL_GENERATION });
    this.#touch(member);
    reply({ errorCode: this.#state === "preparing" ? Code.REBALANCE_IN_PROGRESS : Code.NONE });
  }

  leave({ memberId }: Args<"LeaveGroup">, reply: Reply<"LeaveGroup">): void {
    this.#named.delete(memberId);
    const member = this.#members.get(memberId);
    if (member === undefined) return reply({ errorCode: Code.UNKNOWN_MEMBER_ID });
    this.#remove(member);
    reply({ errorCode: Code.NONE });
  }

  commit(args: Args<"OffsetCommit">, reply: Reply<"OffsetCommit">): void {
    const { memberId, groupGenerationId, topics } = args;
    const member = this.#members.get(memberId);
    const code = member === undefined
      ? Code.UNKNOWN_MEMBER_ID
      : groupGenerationId !== this.generation
      ? Code.ILLEGAL_GENERATION
      : this.#state === "completing"
      ? Code.REBALANCE_IN_PROGRESS
      : Code.NONE;
    if (code === Code.NONE) this.#touch(member!);
    this.#world.say(() => `commit by ${memberId} in ${groupGenerationId}: ${code} ${JSON.stringify(topics)}`);
    reply({
      responses: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, offset, metadata }) => {
          if (code !== Code.NONE) return { partition, errorCode: code };
          const key = `${topic}/${partition}`;
          if (this.unknown.has(key)) return { partition, errorCode: Code.UNKNOWN_TOPIC_OR_PARTITION };
          const stored = { offset: BigInt(offset), metadata };
          const before = this.offsets.get(key);
          this.#options.accepted({ topic, partition, generation: groupGenerationId, before, ...stored });
          this.offsets.set(key, stored);
          return { partition, errorCode: Code.NONE };
        }),
      })),
    });
  }

  fetchOffsets({ topics }: Args<"OffsetFetch">, reply: Reply<"OffsetFetch">): void {
    reply({
      responses: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => {
          const stored = this.offsets.get(`${topic}/${partition}`);
          return {
            partition,
            errorCode: Code.NONE,
            offset: `${stored?.offset ?? -1}`,
            metadata: stored?.metadata ?? "",
          };
        }),
      })),
    });
  }

  #prepare(): void {
    if (this.#state === "completing") {
      for (const member of this.#members.values()) {
        member.sync?.({ errorCode: Code.REBALANCE_IN_PROGRESS, memberAssignment: EMPTY });
        member.sync = undefined;
      }
    }
    if (this.#state !== "preparing") {
      this.#state = "preparing";
      for (const member of this.#members.values()) if (member.join === undefined) this.#touch(member);
      this.#rebalance = this.#world.after(
        this.#options.rebalanceTimeoutMs,
        undefined,
        () => this.#complete(),
      );
    }
    this.#completeIfAll();
  }

  #completeIfAll(): void {
    if (this.#state !== "preparing") return;
    for (const member of this.#members.values()) if (member.join === undefined) return;
    this.#complete();
  }

  /** The next generation, of those that have come. */
  #complete(): void {
    this.#endRebalance();
    for (const member of [...this.#members.values()]) {
      if (member.join !== undefined) continue;
      this.#cancel(member);
      this.#members.delete(member.id);
    }
    this.generation++;
    this.#world.say(() => `generation ${this.generation}: ${[...this.#members.keys()].join(", ")}`);
    if (this.#members.size === 0) {
      this.#state = "empty";
      this.#leader = "";
      return this.#persist();
    }
    this.#state = "completing";
    if (!this.#members.has(this.#leader)) this.#leader = this.#members.keys().next().value!;
    for (const member of this.#members.values()) {
      this.#touch(member);
      member.join!(this.#joined(member));
      member.join = undefined;
    }
  }

  #joined({ id }: Member): Answer<"JoinGroup"> {
    const members = id === this.#leader
      ? [...this.#members.values()].map((one) => ({ memberId: one.id, memberMetadata: one.subscription }))
      : [];
    return {
      errorCode: Code.NONE,
      generationId: this.generation,
      groupProtocol: "kafka2parquet",
      leaderId: this.#leader,
      memberId: id,
      members,
    };
  }

  #touch(member: Member): void {
    this.#cancel(member);
    member.timer = this.#world.after(this.#options.sessionTimeoutMs, undefined, () => {
      // Who waits in a join is alive.
      if (member.join !== undefined) return this.#touch(member);
      this.#world.say(() => `${member.id} has timed out`);
      this.#remove(member);
    });
  }

  #cancel(member: Member): void {
    if (member.timer !== undefined) member.timer.isCancelled = true;
  }

  #remove(member: Member): void {
    this.#cancel(member);
    this.#members.delete(member.id);
    member.join?.(refusedJoin(Code.UNKNOWN_MEMBER_ID, ""));
    member.sync?.({ errorCode: Code.UNKNOWN_MEMBER_ID, memberAssignment: EMPTY });
    if (this.#state === "preparing") this.#completeIfAll();
    else this.#prepare();
  }

  #endRebalance(): void {
    if (this.#rebalance !== undefined) this.#rebalance.isCancelled = true;
    this.#rebalance = undefined;
  }

  #persist(): void {
    this.#persisted = {
      generation: this.generation,
      leader: this.#leader,
      members: [...this.#members.values()].map(({ id, subscription, assignment }) => ({
        id,
        subscription,
        assignment,
      })),
    };
  }
}

function refusedJoin(errorCode: number, memberId: string): Answer<"JoinGroup"> {
  return { errorCode, generationId: -1, groupProtocol: "", leaderId: "", memberId, members: [] };
}
