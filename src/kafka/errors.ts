/**
 * Kafka's error codes by name, and which of them pass by themselves. Turns a code in an answer into a KafkaError. Does
 * not decide what to do about it. Source: the Kafka protocol guide, "Error Codes".
 */
import { KafkaError } from './log.ts'

/** Error codes that code here compares with. */
export const ERROR = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  messageTooLarge: 10,
  topicAuthorizationFailed: 29,
  clusterAuthorizationFailed: 31,
  unsupportedSaslMechanism: 33,
  illegalSaslState: 34,
  unsupportedVersion: 35,
  topicAlreadyExists: 36,
  notController: 41,
  unsupportedForMessageFormat: 43,
  policyViolation: 44,
  saslAuthenticationFailed: 58,
  unknownProducerId: 59,
  fencedLeaderEpoch: 74,
} as const

/** name, what it means in a sentence, and `true` where a later attempt (after a metadata refresh) may succeed. */
const NAMES: Readonly<Record<number, readonly [string, string, boolean]>> = {
  [-1]: ['UNKNOWN_SERVER_ERROR', 'the broker met an unexpected error', false],
  1: ['OFFSET_OUT_OF_RANGE', 'the offset lies outside the log', false],
  2: ['CORRUPT_MESSAGE', 'the broker found a damaged batch', true],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'the topic or partition does not exist, or may not be seen', true],
  4: ['INVALID_FETCH_SIZE', 'the fetch size is invalid', false],
  5: ['LEADER_NOT_AVAILABLE', 'the partition has no leader at the moment', true],
  6: ['NOT_LEADER_OR_FOLLOWER', 'the broker does not lead this partition', true],
  7: ['REQUEST_TIMED_OUT', 'the request timed out in the broker', true],
  8: ['BROKER_NOT_AVAILABLE', 'the broker is not available', true],
  9: ['REPLICA_NOT_AVAILABLE', 'the replica is not available', true],
  10: ['MESSAGE_TOO_LARGE', 'the batch is larger than the topic takes (max.message.bytes)', false],
  13: ['NETWORK_EXCEPTION', 'the broker lost a connection', true],
  14: ['COORDINATOR_LOAD_IN_PROGRESS', 'the coordinator of the group is loading it', true],
  15: ['COORDINATOR_NOT_AVAILABLE', 'the group has no coordinator at the moment', true],
  16: ['NOT_COORDINATOR', 'the broker does not coordinate this group', true],
  17: ['INVALID_TOPIC_EXCEPTION', 'the topic name is invalid', false],
  18: ['RECORD_LIST_TOO_LARGE', 'the batch is larger than a segment of the log (segment.bytes)', false],
  19: ['NOT_ENOUGH_REPLICAS', 'fewer replicas are in sync than the topic asks for (min.insync.replicas)', true],
  20: [
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'the records were written, but to fewer replicas than the topic asks for',
    false,
  ],
  22: ['ILLEGAL_GENERATION', 'the group is active: only its members may change where it stands', false],
  24: ['INVALID_GROUP_ID', 'the name of the group is invalid', false],
  25: ['UNKNOWN_MEMBER_ID', 'the group is active: only its members may change where it stands', false],
  27: ['REBALANCE_IN_PROGRESS', 'the group is active: its members are being given their partitions', false],
  29: ['TOPIC_AUTHORIZATION_FAILED', 'not authorized for this topic', false],
  30: ['GROUP_AUTHORIZATION_FAILED', 'not authorized for this group', false],
  31: ['CLUSTER_AUTHORIZATION_FAILED', 'not authorized for this cluster', false],
  32: ['INVALID_TIMESTAMP', 'the timestamp of a record is further from now than the topic takes', false],
  33: ['UNSUPPORTED_SASL_MECHANISM', 'the broker does not offer this SASL mechanism', false],
  34: ['ILLEGAL_SASL_STATE', 'the listener does not expect SASL, or expects it first', false],
  35: ['UNSUPPORTED_VERSION', 'the broker does not support this version of the request', false],
  36: ['TOPIC_ALREADY_EXISTS', 'a topic of this name exists already', false],
  37: ['INVALID_PARTITIONS', 'the number of partitions is invalid', false],
  38: ['INVALID_REPLICATION_FACTOR', 'the replication factor is not between 1 and the number of brokers', false],
  40: ['INVALID_CONFIG', 'a setting of the topic is invalid', false],
  41: ['NOT_CONTROLLER', 'the broker is not the controller', true],
  42: ['INVALID_REQUEST', 'the broker found the request invalid', false],
  43: ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'the message format of the topic does not support this', false],
  44: ['POLICY_VIOLATION', 'a policy of the broker forbids it', false],
  45: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'the broker expects other records of this producer', false],
  46: ['DUPLICATE_SEQUENCE_NUMBER', 'the broker has these records already', false],
  47: ['INVALID_PRODUCER_EPOCH', 'the broker knows a newer producer of this id', false],
  56: ['KAFKA_STORAGE_ERROR', 'the broker has a disk error on this partition', true],
  58: ['SASL_AUTHENTICATION_FAILED', 'authentication failed', false],
  59: ['UNKNOWN_PRODUCER_ID', 'the broker has forgotten this producer', false],
  68: ['NON_EMPTY_GROUP', 'the group is active: it has members', false],
  69: ['GROUP_ID_NOT_FOUND', 'there is no such group', false],
  70: ['FETCH_SESSION_ID_NOT_FOUND', 'the fetch session is unknown', true],
  71: ['INVALID_FETCH_SESSION_EPOCH', 'the fetch session epoch is invalid', true],
  72: ['LISTENER_NOT_FOUND', 'the leader has no listener of this name', true],
  74: ['FENCED_LEADER_EPOCH', 'the leader epoch is old', true],
  75: ['UNKNOWN_LEADER_EPOCH', 'the leader epoch is newer than the broker knows', true],
  76: ['UNSUPPORTED_COMPRESSION_TYPE', 'the request version does not know the compression of the batch', false],
  78: ['OFFSET_NOT_AVAILABLE', 'the leader does not know its high watermark yet', true],
  86: ['GROUP_SUBSCRIBED_TO_TOPIC', 'the group is active: its members read this topic', false],
  87: ['INVALID_RECORD', 'the broker refuses the record', false],
  89: ['THROTTLING_QUOTA_EXCEEDED', 'the quota is used up', true],
  90: ['PRODUCER_FENCED', 'the broker knows a newer producer of this id', false],
  100: ['UNKNOWN_TOPIC_ID', 'the topic id is unknown', true],
  103: ['INCONSISTENT_TOPIC_ID', 'the topic id does not fit the name', true],
}

/** The name of an error code, `ERROR_<code>` for one that is not known here. */
export function errorNameOf(code: number): string {
  return NAMES[code]?.[0] ?? `ERROR_${code}`
}

/** Whether the meaning of an error code is known here. */
export function isKnown(code: number): boolean {
  return NAMES[code] !== undefined
}

/**
 * A KafkaError for a code in an answer. `what` says what was asked: `Fetch of "payments" partition 3`. `detail` is the
 * broker's own text.
 */
export function brokerError(code: number, what: string, detail?: string | null): KafkaError {
  const [name, meaning, retriable] = NAMES[code] ?? [`ERROR_${code}`, 'the broker refused', false]
  return new KafkaError(code, name, `${what}: ${detail ? detail : meaning} (${name})`, retriable)
}

/** Trouble on our side of the wire: no answer, a lost connection, an answer that makes no sense. */
export function clientError(name: string, message: string, retriable: boolean): KafkaError {
  return new KafkaError(-1, name, message, retriable)
}

/** An answer says nothing about what was asked for. It may be another one the next time. */
export function leftOut(what: string): KafkaError {
  return clientError('BAD_RESPONSE', `${what}: the answer of the broker leaves it out`, true)
}

/** An answer gives as the start or the end of a log what can be none. */
export function noOffset(topic: string, partition: number, offset: number): KafkaError {
  const what = `Offsets of "${topic}" partition ${partition}`
  return clientError('BAD_RESPONSE', `${what}: the broker says ${offset}, which is no offset of a log`, true)
}

/** What was tried again and again, until its time was over. */
export function givenUp({ code, errorName, message }: KafkaError, triedMs: number): KafkaError {
  const text = `${message}. No progress for ${triedMs} ms (kafka.retry.timeout)`
  return new KafkaError(code, errorName, text, false)
}

/** The log ended at `end` when it got another leader, before `position`, up to which it had been read. */
export function cutOff(topic: string, partition: number, end: number, position: number): KafkaError {
  return clientError(
    'LOG_TRUNCATED',
    `"${topic}" partition ${partition}: the log was cut at offset ${end}, before ${position} up to which the query had read, when another replica became its leader (an unclean leader election): what stands there now is not what was read. Run the query again`,
    false,
  )
}

/** The topic was deleted, and created again under its name: its offsets are other ones. */
export function madeAnew(topic: string): KafkaError {
  return clientError(
    'TOPIC_MADE_ANEW',
    `Topic "${topic}" was deleted and created again while it was read. Run the query again to read the new one`,
    false,
  )
}

/** Keeps the error that says more: one that a retry will not overcome. */
export function worse(a: KafkaError | undefined, b: KafkaError): KafkaError {
  return a !== undefined && !a.retriable ? a : b
}
