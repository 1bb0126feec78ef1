/**
 * `sea_vessel_position_reports`: AIS position reports as in the sample of the WebSocket specification. That very record
 * stands where the sample says: partition 1, offset 71, with its time, its sizes (key 10 bytes, value 79: `Speed`,
 * `Course` and `Turn` must be floats for that) and its schema ids 4 and 5; the second key of the specification follows
 * at offset 86.
 */
import { partitionOfKey } from '../../lib/murmur2.ts'
import { Bytes, pieceOf, type Piece } from './bytes.ts'
import { Random } from './random.ts'
import { RETENTION_BYTES, type AddRecord, type DemoTopic, type Register } from './topic.ts'

const field = (name: string, type: string) => ({ name, type })

export const VESSEL_KEY_SCHEMA = {
  type: 'record',
  name: 'VesselKey',
  namespace: 'io.sluice.demo',
  fields: [field('MMSI', 'long')],
}
export const VESSEL_SCHEMA = {
  type: 'record',
  name: 'VesselPositionReport',
  namespace: 'io.sluice.demo',
  fields: [
    field('Type', 'int'),
    field('Repeat', 'int'),
    field('MMSI', 'long'),
    field('Speed', 'float'),
    field('Accuracy', 'boolean'),
    field('Longitude', 'double'),
    field('Latitude', 'double'),
    field('location', 'string'),
    field('Course', 'float'),
    field('Heading', 'int'),
    field('Second', 'int'),
    field('RAIM', 'boolean'),
    field('Radio', 'int'),
    field('Status', 'int'),
    field('Turn', 'float'),
    field('Maneuver', 'int'),
    field('Timestamp', 'long'),
  ],
}

interface Vessel {
  readonly mmsi: number
  readonly type: number
  readonly key: Piece
  readonly partition: number
  longitude: number
  latitude: number
  course: number
  speed: number
}

interface Report {
  second: number
  accuracy: boolean
  raim: boolean
  heading: number
  radio: number
  status: number
  turn: number
  /** Its own timestamp: milliseconds, and nanoseconds beyond them. */
  timestampMs: number
  timestampNs: number
}

const PARTITIONS = 3
const VESSELS = 1500
const SEED = 219005662
/** The specification's record: its place, its time, and its own timestamp 1491318144456507320. */
const SAMPLE = {
  partition: 1,
  offset: 71,
  timestampMs: Date.UTC(2023, 2, 13, 11, 42, 24, 267),
  reportMs: 1491318144456,
  reportNs: 507320,
}
const SECOND_KEY = { mmsi: 265527470, offset: 86, timestampMs: Date.UTC(2023, 2, 13, 11, 42, 29, 107) }
/** Fifteen records of the partition in 4.84 seconds, in three partitions. */
const STEP_MS = 4840 / 15 / PARTITIONS
/** From a record's time to the vessel's own. */
const REPORT_SHIFT_MS = SAMPLE.reportMs - SAMPLE.timestampMs
const COUNTRIES = [219, 265, 211, 257, 220, 266, 209, 636]
const TYPES = [1, 1, 1, 2, 3, 3]
const STATUS_AT_REST = [1, 3, 5]
const STATUS_UNDER_WAY = [0, 0, 0, 8, 15]
const START_MS = SAMPLE.timestampMs - SAMPLE.offset * STEP_MS * PARTITIONS

/** The topic `sea_vessel_position_reports` with `history` records, keys and values in Avro. */
export function vesselTopic(register: Register, history: number): DemoTopic {
  const keySchema = register('sea_vessel_position_reports-key', VESSEL_KEY_SCHEMA)
  const valueSchema = register('sea_vessel_position_reports-value', VESSEL_SCHEMA)
  const random = new Random(SEED)
  const writer = new Bytes()
  const report: Report = { ...SAMPLE_REPORT }
  const sampled = makeVessel(219005662, 1, keySchema)
  const second = makeVessel(SECOND_KEY.mmsi, 1, keySchema)
  Object.assign(sampled, { longitude: 12.570543333333333, latitude: 55.85040166666667, course: 177.9, speed: 0.1 })
  Object.assign(second, { longitude: 11.97, latitude: 57.7, course: 12, speed: 0 })
  const fleet = [sampled, second, ...Array.from({ length: VESSELS }, () => randomVessel(random, keySchema))]
  let inSamplePartition = 0
  const send = (vessel: Vessel, timestampMs: number, report: Report, add: AddRecord) =>
    add(vessel.partition, timestampMs, vessel.key, encode(writer, valueSchema, vessel, report))
  return {
    name: 'sea_vessel_position_reports',
    partitions: PARTITIONS,
    config: { 'retention.bytes': RETENTION_BYTES },
    codec: 'none',
    batchBytes: 32_768,
    history,
    perSecond: 5,
    past(i, add) {
      let vessel = fleet[random.below(fleet.length)]
      const place = vessel.partition === SAMPLE.partition ? inSamplePartition++ : -1
      if (place === SAMPLE.offset) return send(sampled, SAMPLE.timestampMs, SAMPLE_REPORT, add)
      if (place === SECOND_KEY.offset) vessel = second
      const timestampMs = place === SECOND_KEY.offset ? SECOND_KEY.timestampMs : Math.round(START_MS + i * STEP_MS)
      // The first hundred reports leave the vessel of the sample where the sample has it.
      if (i > 300 || vessel !== sampled) move(vessel, random, STEP_MS * fleet.length)
      send(vessel, timestampMs, randomReport(report, vessel, random, timestampMs + REPORT_SHIFT_MS), add)
    },
    present(nowMs, add) {
      const vessel = random.pick(fleet)
      move(vessel, random, 60_000)
      send(vessel, nowMs, randomReport(report, vessel, random, nowMs), add)
    },
  }
}

const SAMPLE_REPORT: Report = {
  second: 20,
  accuracy: false,
  raim: false,
  heading: 511,
  radio: 33577,
  status: 3,
  turn: -128,
  timestampMs: SAMPLE.reportMs,
  timestampNs: SAMPLE.reportNs,
}

function makeVessel(mmsi: number, type: number, keySchema: number): Vessel {
  const key = new Bytes(16).begin(keySchema).long(mmsi).copy()
  return {
    mmsi,
    type,
    key: pieceOf(key),
    partition: partitionOfKey(key, PARTITIONS),
    longitude: 0,
    latitude: 0,
    course: 0,
    speed: 0,
  }
}

/** Somewhere in the Kattegat and the Baltic approaches. */
function randomVessel(random: Random, keySchema: number): Vessel {
  const country = random.pick(COUNTRIES)
  const vessel = makeVessel(country * 1_000_000 + random.below(1_000_000), random.pick(TYPES), keySchema)
  vessel.longitude = 9.5 + random.next() * 4
  vessel.latitude = 54.3 + random.next() * 3.7
  vessel.course = Math.round(random.next() * 3599) / 10
  vessel.speed = random.next() < 0.4 ? 0 : Math.round(random.next() * 220) / 10
  return vessel
}

function move(vessel: Vessel, random: Random, elapsedMs: number): void {
  const miles = (vessel.speed * elapsedMs) / 3_600_000
  const angle = (vessel.course * Math.PI) / 180
  vessel.latitude = Math.round((vessel.latitude + (miles * Math.cos(angle)) / 60) * 6e5) / 6e5
  vessel.longitude = Math.round((vessel.longitude + (miles * Math.sin(angle)) / 34) * 6e5) / 6e5
  if (vessel.latitude < 54.2 || vessel.latitude > 58.1 || vessel.longitude < 9.3 || vessel.longitude > 13.7)
    vessel.course = (vessel.course + 180) % 360
  if (random.next() < 0.2) vessel.course = Math.round(((vessel.course + random.next() * 10 + 355) % 360) * 10) / 10
}

/** Fills in `report`, which is used again for every record. */
function randomReport(report: Report, vessel: Vessel, random: Random, timestampMs: number): Report {
  report.second = random.below(60)
  report.accuracy = random.next() < 0.5
  report.raim = random.next() < 0.1
  report.heading = random.next() < 0.2 ? 511 : Math.round(vessel.course) % 360
  report.radio = random.below(200_000)
  report.status = random.pick(vessel.speed === 0 ? STATUS_AT_REST : STATUS_UNDER_WAY)
  report.turn = random.next() < 0.4 ? -128 : random.below(40) - 20
  report.timestampMs = timestampMs
  report.timestampNs = random.below(1_000_000)
  return report
}

function encode(w: Bytes, schemaId: number, vessel: Vessel, report: Report): Bytes {
  w.begin(schemaId)
    .long(vessel.type)
    .long(0)
    .long(vessel.mmsi)
    .float(vessel.speed)
    .boolean(report.accuracy)
    .double(vessel.longitude)
    .double(vessel.latitude)
  const location = w.open()
  degrees(w, vessel.latitude).byte(COMMA)
  degrees(w, vessel.longitude).close(location)
  w.float(vessel.course)
    .long(report.heading)
    .long(report.second)
    .boolean(report.raim)
    .long(report.radio)
    .long(report.status)
    .float(report.turn)
    .long(0)
  return w.nanoseconds(report.timestampMs, report.timestampNs)
}

const COMMA = 44
const POINT = 46

/** Degrees north or east with six decimals. */
function degrees(w: Bytes, value: number): Bytes {
  const millionths = Math.round(value * 1e6)
  return w
    .digits(Math.floor(millionths / 1e6))
    .byte(POINT)
    .digits(millionths % 1e6, 6)
}
