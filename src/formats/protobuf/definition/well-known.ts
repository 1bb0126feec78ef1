/**
 * Files that schemas import without the registry holding them: Google's well-known types and a few of its common types,
 * and Confluent's. Only what readers need is here:
 * names, numbers and types of fields.
 */
const proto3 = (packageName: string, text: string): string => `syntax = "proto3"; package ${packageName}; ${text}`

const WRAPPERS = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes']

const FILES: Readonly<Record<string, string>> = {
  'google/protobuf/any.proto': proto3('google.protobuf', 'message Any { string type_url = 1; bytes value = 2; }'),
  'google/protobuf/duration.proto': proto3(
    'google.protobuf',
    'message Duration { int64 seconds = 1; int32 nanos = 2; }',
  ),
  'google/protobuf/empty.proto': proto3('google.protobuf', 'message Empty { }'),
  'google/protobuf/field_mask.proto': proto3('google.protobuf', 'message FieldMask { repeated string paths = 1; }'),
  'google/protobuf/source_context.proto': proto3('google.protobuf', 'message SourceContext { string file_name = 1; }'),
  'google/protobuf/struct.proto': proto3(
    'google.protobuf',
    `message Struct { map<string, Value> fields = 1; } message ListValue { repeated Value values = 1; }
    enum NullValue { NULL_VALUE = 0; }
    message Value { oneof kind { NullValue null_value = 1; double number_value = 2; string string_value = 3;
    bool bool_value = 4; Struct struct_value = 5; ListValue list_value = 6; } }`,
  ),
  'google/protobuf/timestamp.proto': proto3(
    'google.protobuf',
    'message Timestamp { int64 seconds = 1; int32 nanos = 2; }',
  ),
  'google/protobuf/wrappers.proto': proto3(
    'google.protobuf',
    WRAPPERS.map((name) => `message ${name}Value { ${name.toLowerCase()} value = 1; }`).join(' '),
  ),
  // Options only: nothing of these two reaches the data.
  'google/protobuf/descriptor.proto': 'syntax = "proto2"; package google.protobuf;',
  'confluent/meta.proto': proto3('confluent', ''),
  'confluent/type/decimal.proto': proto3(
    'confluent.type',
    'message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }',
  ),
  'google/type/date.proto': proto3('google.type', 'message Date { int32 year = 1; int32 month = 2; int32 day = 3; }'),
  'google/type/timeofday.proto': proto3(
    'google.type',
    'message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }',
  ),
  'google/type/latlng.proto': proto3('google.type', 'message LatLng { double latitude = 1; double longitude = 2; }'),
  'google/type/money.proto': proto3(
    'google.type',
    'message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }',
  ),
  'google/type/dayofweek.proto': proto3(
    'google.type',
    `enum DayOfWeek { DAY_OF_WEEK_UNSPECIFIED = 0; MONDAY = 1; TUESDAY = 2; WEDNESDAY = 3; THURSDAY = 4; FRIDAY = 5;
    SATURDAY = 6; SUNDAY = 7; }`,
  ),
}

/** The text of the file that an import statement names; undefined when it is not bundled. */
export function bundledFile(name: string): string | undefined {
  return Object.hasOwn(FILES, name) ? FILES[name] : undefined
}
