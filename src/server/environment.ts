/**
 * What the server needs of an environment (a named Kafka cluster with its registry): the means to run a query as
 * somebody, and whether the cluster answers.
 */
import type { IdOption } from '../catalog/facets/plain-formats.ts'
import type { KafkaTables, MetNews } from '../catalog/kafka-catalog.ts'
import type { CatalogStore } from '../catalog/store.ts'
import type { QueryEnvironment } from '../engine/host.ts'
import type { CsvOptions } from '../formats/csv/decoder.ts'
import type { FlinkConfig } from '../flink/gateway.ts'
import type { FormatName } from '../formats/format.ts'
import type { Cluster } from '../kafka/cluster.ts'
import type { ConsumerGroups } from '../kafka/admin/groups.ts'
import type { KafkaLog } from '../kafka/log.ts'
import type { ClusterConfig } from '../kafka/config.ts'
import type { Catalog } from '../plan/catalog.ts'
import type { RegistryConfig } from '../registry/registry.ts'
import type { Account } from './access/auth.ts'

/** What the configuration says about the formats of one topic. */
export interface TopicFormats {
  readonly key?: FormatName
  readonly value?: FormatName
  /** Settings of CSV values or keys. */
  readonly csv?: CsvOptions
  /** Where the ids of schemas stand; without it the records are looked at. */
  readonly ids?: IdOption
}

/** One entry of `environments` in the configuration, checked. */
export interface EnvironmentConfig {
  readonly name: string
  /** The one that the path without an environment stands for. */
  readonly default: boolean
  readonly kafka: ClusterConfig
  readonly registry?: RegistryConfig
  /** Schemas of AWS Glue, from files. */
  readonly glue?: { readonly folder: string }
  /** Holds what servers share (`state.topic`), in this cluster or another: no table, for nobody; nor is `serversTopic`. */
  readonly stateTopic?: string
  /** Apache Flink, for statements that are handed over. */
  readonly flink?: FlinkConfig
  /** By topic. */
  readonly formats: Readonly<Record<string, TopicFormats>>
}

/** The topic beside a state topic in which its servers speak to each other. */
export function serversTopic(stateTopic: string): string {
  return `${stateTopic}_servers`
}

/** An environment of a running server: its tables, cluster, groups and registry. */
export interface Environment {
  readonly name: string
  /** All tables, whatever the account. */
  readonly catalog: Catalog & Partial<Pick<KafkaTables, 'forget' | 'learn'>>
  /** Tables and bytes as this account may see them. */
  query(account: Account): QueryEnvironment
  /** For shares of queries whose account was checked on another thread. */
  readonly log?: KafkaLog
  /** For REST calls about topics; callers have checked the rights of the account. */
  readonly cluster?: Cluster
  /** Groups of consumers; the same holds. */
  readonly consumers?: ConsumerGroups
  /** For the registry's own calls, passed on. */
  readonly registry?: RegistryConfig
  /** Asks the cluster for its metadata. Rejects when it does not answer. */
  probe(): Promise<void>
  close(): Promise<void>
}

/** Told what one thread's catalog has found out or given up, so that those of other threads follow. */
export interface CatalogPeers {
  forgot(topic: string): void
  met(news: MetNews): void
}

/** `store`: where views, synonyms and declared formats are kept; without it in memory. */
export type OpenEnvironment = (
  config: EnvironmentConfig,
  store?: CatalogStore,
  peers?: CatalogPeers,
) => Promise<Environment>
