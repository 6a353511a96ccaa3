/** The requests that we send, and their answers, in the shapes that kafkajs encodes and decodes. */

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface MetadataAnswer {
  readonly clusterId: string | null;
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly isInternal: boolean;
    readonly partitionMetadata: readonly {
      readonly partitionErrorCode: number;
      readonly partitionId: number;
      readonly leader: number;
    }[];
  }[];
}

export interface JoinAnswer {
  readonly errorCode: number;
  readonly generationId: number;
  readonly groupProtocol: string;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Uint8Array }[];
}

/** A fetch response as it came, for our own parser. */
export interface RawFetchAnswer {
  readonly apiVersion: number;
  readonly payload: Uint8Array;
}

interface PerPartition<T> {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly ({ readonly partition: number; readonly errorCode: number } & T)[];
  }[];
}

interface TopicsOf<T> {
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly T[] }[];
}

/** The number by which DescribeConfigs knows topics. */
export const TOPIC_RESOURCE = 2;

/** The requests that we send: arguments and answers in kafkajs's shapes, error codes left for us to judge. */
export interface Requests {
  Metadata: {
    args: { readonly topics: readonly string[]; readonly allowAutoTopicCreation: false };
    answer: MetadataAnswer;
  };
  GroupCoordinator: {
    args: { readonly groupId: string };
    answer: { readonly errorCode: number; readonly coordinator: Address & { readonly nodeId: number } };
  };
  JoinGroup: {
    args: {
      readonly groupId: string;
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly memberId: string;
      readonly protocolType: "consumer";
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Uint8Array }[];
    };
    answer: JoinAnswer;
  };
  SyncGroup: {
    args: {
      readonly groupId: string;
      readonly generationId: number;
      readonly memberId: string;
      readonly groupAssignment: readonly {
        readonly memberId: string;
        readonly memberAssignment: Uint8Array;
      }[];
    };
    answer: { readonly errorCode: number; readonly memberAssignment: Uint8Array };
  };
  Heartbeat: {
    args: { readonly groupId: string; readonly groupGenerationId: number; readonly memberId: string };
    answer: { readonly errorCode: number };
  };
  LeaveGroup: {
    args: { readonly groupId: string; readonly memberId: string };
    answer: { readonly errorCode: number };
  };
  OffsetCommit: {
    args:
      & { readonly groupId: string; readonly groupGenerationId: number; readonly memberId: string }
      & TopicsOf<{ readonly partition: number; readonly offset: string; readonly metadata: string }>;
    answer: PerPartition<unknown>;
  };
  OffsetFetch: {
    args: { readonly groupId: string } & TopicsOf<{ readonly partition: number }>;
    answer:
      & { readonly errorCode?: number }
      & PerPartition<
        { readonly offset: string; readonly metadata: string | null }
      >;
  };
  DescribeGroups: {
    args: { readonly groupIds: readonly string[] };
    answer: {
      readonly groups: readonly {
        readonly errorCode: number;
        /** `Dead` where there is no such group. */
        readonly state: string;
        readonly protocolType: string;
        readonly protocol: string;
        readonly members: readonly { readonly memberId: string; readonly clientHost: string }[];
      }[];
    };
  };
  ListOffsets: {
    args:
      & { readonly isolationLevel: 0 | 1 }
      & TopicsOf<
        { readonly partition: number; readonly timestamp: number }
      >;
    answer: PerPartition<{ readonly offset: string }>;
  };
  DescribeConfigs: {
    args: {
      readonly resources: readonly {
        readonly type: typeof TOPIC_RESOURCE;
        readonly name: string;
        readonly configNames: readonly string[];
      }[];
    };
    answer: {
      readonly resources: readonly {
        readonly errorCode: number;
        readonly resourceName: string;
        readonly configEntries: readonly {
          readonly configName: string;
          readonly configValue: string | null;
        }[];
      }[];
    };
  };
  Fetch: {
    args:
      & {
        readonly isolationLevel: 1;
        readonly maxWaitTime: number;
        readonly minBytes: number;
        readonly maxBytes: number;
      }
      & TopicsOf<
        { readonly partition: number; readonly fetchOffset: string; readonly maxBytes: number }
      >;
    answer: RawFetchAnswer;
  };
}
