/** Verifies an archive: every offset in one file, from the footers alone and, where asked, against Kafka. */
import { join } from "node:path";
import { ExitCode, UserError } from "../errors.ts";
import type { CommittedOffset, OffsetRange } from "../model.ts";
import { findHomes, type FoundExchange, type Home } from "../sink/mod.ts";
import {
  Archive,
  compareTopics,
  type Counts,
  keyOf,
  type PartitionFiles,
  type PartitionName,
  type TopicName,
} from "./archive.ts";
import { type Coverage, intersection } from "./coverage.ts";
import { explainGap, fileFindings, missingTopics, overlapFindings, redrivenTwice } from "./explain.ts";
import { type Finding, note, problem } from "./findings.ts";
import { type Judgement, judgePartition, type KafkaFacts } from "./judge.ts";
import { type ClusterAddress, KafkaSide } from "./kafka_side.ts";
import { describeUnpublished, isCommitted, readUnpublished, type Unpublished } from "./prepared.ts";
import { Scanner } from "./scan.ts";

/** A program that is running publishes files while we look: gaps are looked at again so often. */
const ROUNDS_MAX = 3;

export interface VerifyOptions {
  /** Folder of the dead-letter files, where it is not below the archive's. */
  readonly deadLetter?: {
    readonly folder: string;
    /** Whether other archives may have their dead letters there as well. */
    readonly isShared: boolean;
  };
  /** The cluster to compare with. */
  readonly kafka?: ClusterAddress;
  /** Topics to look at; all by default. */
  readonly wanted?: (topic: string) => boolean;
  /** Reads every page of every file. */
  readonly deep?: boolean;
  /** What lies before the first file of a partition is no hole: those files are elsewhere. */
  readonly fromFirstFile?: boolean;
  /** Called after each file. */
  readonly onFile?: () => void;
}

export interface PartitionReport extends PartitionName {
  /** Joined, in order. */
  readonly ranges: readonly OffsetRange[];
  /** Files that hold some of it. */
  readonly files: number;
  readonly rows: number;
  /** By reason. */
  readonly deadLetters: Counts;
  readonly skipped: Counts;
  /** Dead letters that are rows of redriven files. */
  readonly redrivenRows: number;
  /** Undefined where Kafka was not asked. */
  readonly kafka: KafkaFacts | undefined;
}

export interface Report {
  readonly partitions: readonly PartitionReport[];
  /** Problems first; each kind in the order of partitions or files. */
  readonly findings: readonly Finding[];
  /** Files of ours that can be read, and files of others. */
  readonly files: number;
  readonly unknown: number;
  /** Checkpoints that are sealed, and neither published nor in quarantine. */
  readonly unpublished: number;
  readonly rows: number;
  /** Whether Kafka was asked: else nothing is known of what comes after the last file of a partition. */
  readonly isCompared: boolean;
  readonly topics: readonly TopicName[];
}

/**
 * Never changes anything, and may run while the archive grows.
 *
 * @throws UserError where brokers cannot be reached (exit code 69) or are those of another cluster (78).
 */
export async function verify(folder: string, options: VerifyOptions = {}): Promise<Report> {
  using kafka = options.kafka === undefined ? undefined : await KafkaSide.connect(options.kafka);
  return await new Verification(folder, { options, kafka }).run();
}

interface Judged extends PartitionReport {
  readonly coverage: Coverage;
  readonly judgement: Judgement;
}

class Verification {
  readonly #folder: string;
  readonly #options: VerifyOptions;
  readonly #kafka: KafkaSide | undefined;
  readonly #archive = new Archive();
  readonly #scanner: Scanner;
  #homes: readonly Home[] = [];
  /** Redrives that died. */
  #exchanges: readonly FoundExchange[] = [];
  #unpublished: readonly Unpublished[] = [];
  /** What Kafka says, by topic and then by partition. */
  #facts = new Map<string, ReadonlyMap<number, KafkaFacts>>();

  constructor(folder: string, of: { options: VerifyOptions; kafka: KafkaSide | undefined }) {
    this.#folder = folder;
    this.#options = of.options;
    this.#kafka = of.kafka;
    const { wanted = () => true, deep = false, onFile = () => {} } = of.options;
    this.#scanner = new Scanner(this.#archive, { deep, wanted: ({ topic }) => wanted(topic), onFile });
  }

  async run(): Promise<Report> {
    await this.#readHomes();
    await this.#scan();
    let judged: Judged[] = [];
    for (let round = 0; round < ROUNDS_MAX; round++) {
      // In this order: what was committed when Kafka was asked is found either prepared or, after that, published.
      await this.#askKafka();
      await this.#readHomes();
      this.#unpublished = (await readUnpublished(this.#homes)).filter(({ manifest }) =>
        manifest === undefined || (this.#options.wanted?.(manifest.topic) ?? true)
      );
      const more = await this.#scan();
      judged = this.#judge();
      if (more === 0 || judged.every(({ judgement }) => judgement.gaps.length === 0)) break;
    }
    const findings = await this.#findings(judged);
    return {
      partitions: judged.map(({ coverage: _, judgement: _j, ...report }) => report),
      findings: [
        ...findings.filter(({ isProblem }) => isProblem),
        ...findings.filter((one) => !one.isProblem),
      ],
      files: this.#archive.paths.length,
      unknown: this.#archive.unknown.length,
      unpublished:
        this.#unpublished.filter(({ checkpoint, manifest }) =>
          manifest !== undefined && !checkpoint.isQuarantined
        ).length,
      rows: this.#archive.rows,
      isCompared: this.#kafka !== undefined,
      topics: this.#topics,
    };
  }

  async #readHomes(): Promise<void> {
    const { homes, exchanges, unreadable } = await findHomes(this.#folder);
    this.#homes = homes;
    this.#exchanges = exchanges;
    for (const { path, reason } of unreadable) this.#archive.unreadable.set(path, reason);
  }

  async #scan(): Promise<number> {
    // First, or what is published meanwhile would be seen under neither name.
    for (const { folder, output, manifest } of this.#exchanges.filter(({ isCommitted }) => isCommitted)) {
      for (const { temporary, final } of manifest?.files ?? []) {
        await this.#scanner.scanPrepared(join(folder, temporary), join(output, final));
      }
    }
    const count = await this.#scanner.scan(this.#folder);
    const { deadLetter } = this.#options;
    if (deadLetter === undefined) return count;
    const known = new Set(this.#topics.map(keyOf));
    return count +
      await this.#scanner.scan(deadLetter.folder, (of) => !deadLetter.isShared || known.has(keyOf(of)));
  }

  /** Topics that are in the archive, or have left traces in it. */
  get #topics(): TopicName[] {
    const found = new Map(this.#archive.topics.map((one) => [keyOf(one), one]));
    for (const { cluster, group, topics, checkpoints } of this.#homes) {
      const prepared = checkpoints.flatMap(({ manifest }) =>
        typeof manifest === "string" ? [] : [manifest.topic]
      );
      for (const topic of [...topics, ...prepared]) {
        if (this.#options.wanted?.(topic) === false) continue;
        const one = { cluster, group, topic };
        if (!found.has(keyOf(one))) found.set(keyOf(one), one);
      }
    }
    return [...found.values()].sort(compareTopics);
  }

  async #askKafka(): Promise<void> {
    const kafka = this.#kafka;
    if (kafka === undefined) return;
    const topics = this.#topics;
    const ours = topics.filter(({ cluster }) => cluster === kafka.clusterId);
    if (ours.length === 0 && topics.length > 0) {
      throw new UserError(
        `The brokers belong to cluster ${kafka.clusterId}, and the archive to cluster ${topics[0]!.cluster}`,
        { exitCode: ExitCode.config, hint: "Give --brokers those from which the archive was made." },
      );
    }
    this.#facts = new Map();
    for (const one of ours.filter(({ topic }) => kafka.hasTopic(topic))) {
      const committed = await kafka.committed(one.group, one.topic);
      const facts = await kafka.facts(committed);
      this.#facts.set(
        keyOf(one),
        new Map(committed.map(({ partition }, index) => [partition, facts[index]!])),
      );
      for (const { partition } of committed) this.#archive.partition({ ...one, partition });
    }
  }

  *#exchangeFindings(): Generator<Finding> {
    for (const { folder, output, manifest, isCommitted } of this.#exchanges) {
      yield note("prepared", {
        files: [manifest === undefined ? folder : join(output, manifest.source)],
        text: isCommitted
          ? "its redrive was interrupted: its records are counted here, and the next redrive moves them to their place"
          : "its redrive is at work or was interrupted, and nothing depends on it: the next redrive clears up",
      });
    }
  }

  #factsOf(of: PartitionName): KafkaFacts | undefined {
    return this.#facts.get(keyOf(of))?.get(of.partition);
  }

  #isCommitted(unpublished: Unpublished): boolean | undefined {
    const { cluster, group } = unpublished;
    return isCommitted(unpublished, ({ topic, partition }) => {
      const facts = this.#factsOf({ cluster, group, topic, partition });
      return facts === undefined ? undefined : facts.metadata ?? "none";
    });
  }

  /** Ranges of unpublished checkpoints of a partition. */
  #rangesIn(of: PartitionName, isWanted: (one: Unpublished) => boolean): Unpublished["ranges"] {
    return this.#unpublished
      .filter((one) => one.cluster === of.cluster && one.group === of.group && isWanted(one))
      .flatMap(({ ranges }) => ranges)
      .filter(({ topic, partition }) => topic === of.topic && partition === of.partition);
  }

  /** Where the archive of a partition begins, as far as files tell, those in quarantine too. */
  #startOf(of: PartitionFiles): bigint | undefined {
    const quarantined = this.#rangesIn(of, ({ checkpoint }) => checkpoint.isQuarantined);
    return quarantined.map(({ start, first }) => start ?? first)
      .reduce((least, one) => least === undefined || one < least ? one : least, of.start);
  }

  #judge(): Judged[] {
    return this.#archive.partitions.map((partition) => {
      const { ranges, start: _, redriven: _r, ...files } = partition;
      const coverage = ranges.coverage();
      const kafka = this.#factsOf(files);
      // What was not committed comes again, and never out of this checkpoint.
      const prepared = this.#rangesIn(
        files,
        (one) => !one.checkpoint.isQuarantined && this.#isCommitted(one) !== false,
      );
      const { fromFirstFile = false } = this.#options;
      const judgement = judgePartition({
        coverage,
        start: this.#startOf(partition),
        fromFirstFile,
        prepared,
        kafka,
      });
      return { ...files, files: ranges.count, ranges: coverage.ranges, kafka, coverage, judgement };
    });
  }

  async #findings(judged: readonly Judged[]): Promise<Finding[]> {
    const archive = this.#archive;
    const findings: Finding[] = [
      ...fileFindings(archive, { deadLetter: this.#options.deadLetter }),
    ];
    findings.push(...missingTopics(archive, this.#topics, this.#unpublished));
    findings.push(...this.#exchangeFindings());
    for (const one of archive.partitions) findings.push(...redrivenTwice(one, archive.paths));
    for (const one of judged) {
      findings.push(...overlapFindings(one, { overlaps: one.coverage.overlaps, paths: archive.paths }));
      findings.push(...await this.#gapFindings(one), ...await this.#positionFindings(one));
    }
    for (const one of this.#unpublished) findings.push(describeUnpublished(one, this.#isCommitted(one)));
    return [...findings, ...this.#notCompared()];
  }

  async #gapFindings(of: Judged): Promise<Finding[]> {
    const findings: Finding[] = [];
    const quarantined = this.#unpublished.filter(({ checkpoint }) => checkpoint.isQuarantined);
    for (const gap of of.judgement.gaps) {
      const folder = quarantined.find(({ cluster, group, ranges }) =>
        cluster === of.cluster && group === of.group &&
        ranges.some((range) =>
          range.topic === of.topic && range.partition === of.partition &&
          intersection(range, gap) !== undefined
        )
      )?.checkpoint.folder;
      findings.push(
        await explainGap(of, gap, {
          kafka: this.#kafka,
          paths: this.#archive.paths,
          quarantine: folder,
          otherStore: this.#otherStore(of, gap),
        }),
      );
    }
    for (const range of of.judgement.withoutRows) {
      findings.push(note("explained", {
        ...nameOf(of),
        ...range,
        text: "records that make no row; they will stand in the next file",
      }));
    }
    return findings;
  }

  /** The store that has committed the end of a partition, where its files are in another folder. */
  #otherStore({ kafka }: PartitionReport, gap: OffsetRange): string | undefined {
    const { metadata, committed } = kafka ?? {};
    if (metadata?.checkpoint === undefined || gap.next !== committed) return undefined;
    return this.#homes.some(({ store }) => store === metadata.store) ? undefined : metadata.store;
  }

  async #positionFindings(of: Judged): Promise<Finding[]> {
    const findings: Finding[] = [];
    const { notArchived, uncommitted } = of.judgement;
    if (notArchived !== undefined) {
      findings.push(note("not-archived", {
        ...nameOf(of),
        ...notArchived,
        text: `in Kafka, and before the archive's start: it was made from offset ${notArchived.next} on`,
      }));
    }
    // Files that came after Kafka was asked are committed now, or should never have been visible.
    if (uncommitted !== undefined && !await this.#isCommittedNow(of, uncommitted.next)) {
      findings.push(problem("uncommitted", {
        ...nameOf(of),
        ...uncommitted,
        text: `in files, although the group's offset is ${of.kafka!.committed}: they would be archived again`,
      }));
    }
    if (of.kafka?.committed === undefined && of.kafka !== undefined && of.ranges.length > 0) {
      findings.push(note("not-compared", { ...nameOf(of), text: "the group has no committed offset" }));
    }
    return findings;
  }

  async #isCommittedNow(of: PartitionName, next: bigint): Promise<boolean> {
    const committed: CommittedOffset[] = await this.#kafka!.committed(of.group, of.topic);
    const now = committed.find(({ partition }) => partition === of.partition)?.offset;
    return now !== undefined && now >= next;
  }

  #notCompared(): Finding[] {
    const kafka = this.#kafka;
    if (kafka === undefined) return [];
    return this.#topics.flatMap((one) => {
      if (one.cluster !== kafka.clusterId) {
        return [
          note("not-compared", { ...one, text: `of cluster ${one.cluster}, which these brokers are not` }),
        ];
      }
      return kafka.hasTopic(one.topic)
        ? []
        : [note("not-compared", { ...one, text: "the topic is not in Kafka any more" })];
    });
  }
}

function nameOf({ cluster, group, topic, partition }: PartitionName): PartitionName {
  return { cluster, group, topic, partition };
}
