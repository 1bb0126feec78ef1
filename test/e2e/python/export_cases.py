"""Files that the server exported, read by pyarrow: every value and every type of test/e2e/export.test.ts."""
import datetime as dt
import decimal
import json
import os
import sys
import uuid

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from cases import case, run

FOLDER = sys.argv[1]
UTC = dt.timezone.utc


def parquet(name):
    table = pq.read_table(os.path.join(FOLDER, name + ".parquet"))
    table.validate(full=True)
    return table


def arrow(name):
    """The table, and the metadata of the last batch."""
    batches, said = [], None
    with pa.ipc.open_stream(os.path.join(FOLDER, name + ".arrow")) as reader:
        while True:
            try:
                batch, said = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            batches.append(batch)
        table = pa.Table.from_batches(batches, reader.schema)
    table.validate(full=True)
    return table, said


TYPES = {
    "_key": "string", "id": "int64", "flag": "bool", "small": "int32", "large": "int64", "single": "float",
    "twice": "double", "raw": "binary", "text": "string", "day": "date32[day]", "t_ms": "time32[ms]",
    "t_us": "time64[us]", "at_ms": "timestamp[ms, tz=UTC]", "at_us": "timestamp[us, tz=UTC]",
    "local_us": "timestamp[us]", "uid": "extension<arrow.uuid>", "amount": "decimal128(20, 4)", "suit": "string",
    "digest": "binary",
}
EPOCH = dt.datetime(1970, 1, 1)
AT = EPOCH + dt.timedelta(microseconds=1700000000123456)
FULL = {
    "_key": "k", "id": 1, "flag": True, "small": -2147483648, "large": 9223372036854775807, "single": 1.5,
    "twice": 0.1, "raw": b"\x00\xff\n", "text": 'Grüße, 世界 🎉 "q"\n', "day": dt.date(1969, 12, 31),
    "t_ms": dt.time(23, 59, 59, 999000), "t_us": dt.time(23, 59, 59, 999999),
    "at_ms": (EPOCH - dt.timedelta(milliseconds=1)).replace(tzinfo=UTC), "at_us": AT.replace(tzinfo=UTC),
    "local_us": AT, "uid": uuid.UUID("123e4567-e89b-12d3-a456-426614174000"),
    "amount": decimal.Decimal("-1234567890123456.7891"), "suit": "SPADES", "digest": b"\x01\x02\x03\x04",
    "tags": ["a", None, ""], "counts": [("one", 1), ("none", None)],
    "inner": {"n": 7, "points": [{"x": 0.5, "label": None}, {"x": -0.5, "label": "p"}]},
}


def check_avro(table):
    for name, expected in TYPES.items():
        assert str(table.schema.field(name).type) == expected, (name, table.schema.field(name).type)
    rows = table.to_pylist()
    assert len(rows) == 3, rows
    for name, expected in FULL.items():
        assert rows[0][name] == expected, (name, rows[0][name])
        assert rows[1][name] == {"_key": "k", "id": 3}.get(name), (name, rows[1][name])
    assert json.loads(rows[0]["either"]) == 5 and json.loads(rows[2]["either"]) == "text", rows
    following = rows[0]["next"]
    assert (json.loads(following) if isinstance(following, str) else following)["id"] == 2, following


@case("Parquet: Avro with every type")
def _():
    check_avro(parquet("avro"))


@case("Arrow: Avro with every type")
def _():
    check_avro(arrow("avro")[0])


def check_proto(table):
    row = table.to_pylist()[0]
    row.pop("_key", None)
    assert row == {
        "id": 1, "unsigned": 4294967295, "large": -9223372036854775808, "paid": True, "total": 0.25,
        "raw": b"\x01\x02", "name": "n", "tags": ["x", "y"], "counts": [("a", 1)],
        "line": {"sku": "s", "change": -3},
    }, row


@case("Parquet: Protobuf")
def _():
    check_proto(parquet("proto"))


@case("Arrow: Protobuf")
def _():
    check_proto(arrow("proto")[0])


def check_json(table):
    assert str(table.schema.field("_value").type) == "extension<arrow.json>", table.schema
    rows = table.to_pylist()
    assert [row["_key"] for row in rows] == ["a", "b"], rows
    assert rows[0]["_value"] == '{"n":12345678901234567890,"deep":{"x":[1.10,null]},"s":"é"}', rows
    assert rows[1]["_value"] == '{"other":true}', rows


@case("Parquet: JSON records as text")
def _():
    check_json(parquet("json"))


@case("Arrow: JSON records as text")
def _():
    check_json(arrow("json")[0])


@case("what became of the export stands in both")
def _():
    said = {"outcome": "complete", "rows": 3}
    footer = pq.read_metadata(os.path.join(FOLDER, "avro.parquet")).metadata
    assert json.loads(footer[b"sluice.outcome"]) == said, footer
    last = arrow("avro")[1]
    assert json.loads(dict(last)[b"sluice.outcome"]) == said, last


@case("CSV and NDJSON")
def _():
    table = pa.csv.read_csv(
        os.path.join(FOLDER, "avro.csv"),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )
    rows = table.to_pylist()
    assert rows[0]["large"] == 9223372036854775807 and rows[0]["text"] == FULL["text"], rows[0]
    assert rows[1]["text"] is None and rows[1]["large"] is None, rows[1]
    with open(os.path.join(FOLDER, "json.ndjson"), encoding="utf-8") as lines:
        first = json.loads(next(lines))
    assert first == {"_key": "a", "n": 12345678901234567890, "deep": {"x": [1.10, None]}, "s": "é"}, first


run()
