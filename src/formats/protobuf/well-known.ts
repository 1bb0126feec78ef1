/**
 * Files that schemas import without the registry holding them: Google's well-known types (they come with protobufjs), a few of Google's common types, and
 * Confluent's. Only what readers need is here: names, numbers and types of fields.
 */
import protobuf from 'protobufjs'

const FILES: Readonly<Record<string, string>> = {
  'google/protobuf/descriptor.proto': 'syntax = "proto2"; package google.protobuf;',
  'google/type/date.proto': 'syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }',
  'google/type/timeofday.proto':
    'syntax = "proto3"; package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }',
  'google/type/latlng.proto': 'syntax = "proto3"; package google.type; message LatLng { double latitude = 1; double longitude = 2; }',
  'google/type/money.proto': 'syntax = "proto3"; package google.type; message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }',
  'google/type/dayofweek.proto':
    'syntax = "proto3"; package google.type; enum DayOfWeek { DAY_OF_WEEK_UNSPECIFIED = 0; MONDAY = 1; TUESDAY = 2; WEDNESDAY = 3; THURSDAY = 4; FRIDAY = 5; SATURDAY = 6; SUNDAY = 7; }',
  // Options only: nothing of it reaches the data.
  'confluent/meta.proto': 'syntax = "proto3"; package confluent;',
  'confluent/type/decimal.proto': 'syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }',
}

/** The file that an import statement names, as .proto text or as a parsed namespace; undefined when it is not bundled. */
export function bundledFile(name: string): string | Record<string, protobuf.AnyNestedObject> | undefined {
  if (Object.hasOwn(FILES, name)) return FILES[name]
  const common = protobuf.common as unknown as { get(file: string): { nested?: Record<string, protobuf.AnyNestedObject> } | null }
  return common.get(name)?.nested
}
