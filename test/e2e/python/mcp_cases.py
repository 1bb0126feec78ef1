"""The MCP server of mcp_server.py, driven by FastMCP's client in memory, against the server at SLUICE_URL; topics of SLUICE_TOPICS hold what the names below say."""
import asyncio
import json
import os
import time
import uuid
import warnings

warnings.simplefilter("ignore")

URL = os.environ["SLUICE_URL"]
PORT = URL.rsplit(":", 1)[1]
TOPICS = json.loads(os.environ["SLUICE_TOPICS"])
os.environ.update(LENSES_API_HTTP_URL="http://127.0.0.1", LENSES_API_HTTP_PORT=PORT, LENSES_API_WEBSOCKET_URL="ws://127.0.0.1", LENSES_API_WEBSOCKET_PORT=PORT)
os.environ["LENSES_API_KEY"] = os.environ["SLUICE_KEY"]

import httpx
import mcp_server
import websockets
from cases import case, run_async
from fastmcp import Client
from fastmcp.exceptions import ToolError

MIB = 1024 * 1024
SUFFIX = uuid.uuid4().hex[:8]
TABLE = "mcp_greetings_" + SUFFIX
EVENTS, FALSY, LARGE, QUOTES = (TOPICS[name] for name in ("events", "falsy", "large", "quotes"))
client = Client(mcp_server.mcp)


async def tool(name, /, **arguments):
    """What the tool gives a model: its structured content, or its text where it has none."""
    result = await client.call_tool(name, arguments)
    content = result.structured_content
    if content is None:
        return "".join(part.text for part in result.content)
    return content["result"] if set(content) == {"result"} else content


async def sql(text, environment="demo"):
    mcp_server.log.clear()
    return await tool("execute_sql", environment=environment, sql=text)


async def refused(name, /, **arguments):
    try:
        given = await tool(name, **arguments)
    except ToolError as error:
        return str(error)
    raise AssertionError("not refused: %r" % (given,))


class key:
    """Another key for a while."""

    def __init__(self, value):
        self.value = value

    def __enter__(self):
        self.before, mcp_server.KEY = mcp_server.KEY, self.value

    def __exit__(self, *_):
        mcp_server.KEY = self.before


async def transcript(text, pause=0.0, **more):
    """Frames of one statement with the seconds between them, and the code of the close. The library's own limit on a message, 1 MiB, stands."""
    frames = []
    url = mcp_server.WEBSOCKET + mcp_server.proxied("demo", "/api/ws/v2/sql/execute")
    async with websockets.connect(url, additional_headers=mcp_server.headers()) as socket:
        await socket.send(json.dumps({"sql": text, **more}))
        last = time.monotonic()
        async for message in socket:
            now = time.monotonic()
            frames.append((json.loads(message), now - last, len(message.encode())))
            last = now
            if pause:
                await asyncio.sleep(pause)
    return frames, socket.close_code


def kinds(frames):
    return [frame["type"] for frame, _, _ in frames]


def values(records):
    return [record["value"] for record in records]


@case("the tools have names and schemas")
async def _():
    names = {one.name for one in await client.list_tools()}
    assert {"execute_sql", "list_environments", "get_environment", "list_topics", "get_topic", "list_datasets"} <= names, names


@case("CREATE TABLE: one row that says what was made")
async def _():
    rows = await sql("CREATE TABLE %s(_key string, _value string) FORMAT (string, string)" % TABLE)
    assert values(rows) == [{"flag": True, "info": "Topic %s has been created" % TABLE}], (rows, mcp_server.log)


@case("CREATE TABLE of a table that is there: no rows, the text is in the log alone")
async def _():
    assert await sql("CREATE TABLE %s(_key string, _value string) FORMAT (string, string)" % TABLE) == []
    assert mcp_server.log == ["Kafka topic %s already exists" % TABLE], mcp_server.log


@case("INSERT: one row whatever the number of values")
async def _():
    rows = await sql("INSERT INTO %s(_key, _value) VALUES ('Hello', 'World'), ('Bye', 'Moon')" % TABLE)
    assert values(rows) == [{"flag": True, "info": "2 records inserted"}], (rows, mcp_server.log)


@case("SELECT *: rows are dictionaries of key, value, metadata and rownum")
async def _():
    rows = await sql("SELECT * FROM %s" % TABLE)
    assert isinstance(rows, list) and all(isinstance(row, dict) for row in rows), rows
    assert [(row["key"], row["value"], row["rownum"]) for row in rows] == [("Hello", "World", 0), ("Bye", "Moon", 1)], rows
    for row in rows:
        metadata = row["metadata"]
        assert metadata["partition"] == 0 and metadata["offset"] == row["rownum"], row
        assert metadata["__keysize"] == len(row["key"]) and metadata["__valuesize"] == len(row["value"]), row
        assert isinstance(metadata["timestamp"], str) and metadata["timestamp"].endswith("Z"), row


@case("a projection has no key")
async def _():
    rows = await sql("SELECT _key AS k, _value AS v FROM %s LIMIT 1" % TABLE)
    assert values(rows) == [{"k": "Hello", "v": "World"}] and "key" not in rows[0], rows


@case("a name with hyphens, in backticks and bare, with a semicolon at the end")
async def _():
    assert "-" in EVENTS
    for text in ("SELECT * FROM `%s` LIMIT 1" % EVENTS, "SELECT * FROM %s LIMIT 1;" % EVENTS):
        rows = await sql(text)
        assert len(rows) == 1 and rows[0]["value"]["n"] == 0, (rows, mcp_server.log)


@case("the last ten records, as the editor extension asks for them")
async def _():
    rows = await sql("SELECT * FROM %s WHERE _meta.offset >= LAST_OFFSET() - 9 LIMIT 10;" % EVENTS)
    assert [row["value"]["n"] for row in rows] == list(range(TOPICS["count"] - 10, TOPICS["count"])), (rows, mcp_server.log)


@case("aggregated rows: value and rownum, neither key nor metadata")
async def _():
    rows = await sql("SELECT kind, count(*), sum(amount) FROM %s GROUP BY kind" % EVENTS)
    assert sum(row["value"]["count"] for row in rows) == TOPICS["count"], (rows, mcp_server.log)
    assert sorted(row["value"]["kind"] for row in rows) == ["a", "b", "c"], rows
    assert all(set(row) == {"value", "rownum"} for row in rows), rows
    assert [row["rownum"] for row in rows] == [0, 1, 2], rows


@case("an aggregate of nothing is a row, not a falsy one")
async def _():
    rows = await sql("SELECT count(*) FROM %s WHERE n < 0" % EVENTS)
    assert values(rows) == [{"count": 0}], (rows, mcp_server.log)


@case("no rows is an empty list")
async def _():
    assert await sql("SELECT * FROM %s WHERE n < 0" % EVENTS) == [] and mcp_server.log == []


@case("50,000 rows arrive, in order; without LIMIT the first 10,000")
async def _():
    for limit, count in ((" LIMIT %d" % TOPICS["count"], TOPICS["count"]), ("", 10_000)):
        rows = await sql("SELECT n FROM %s%s" % (EVENTS, limit))
        assert [row["value"]["n"] for row in rows] == list(range(count)), (limit, len(rows), mcp_server.log)


@case("whole numbers beyond 2^53 keep their digits")
async def _():
    rows = await sql("SELECT n, big FROM %s LIMIT 2" % EVENTS)
    assert values(rows) == [{"n": 0, "big": 9223372036854775807}, {"n": 1, "big": 9223372036854775806}], rows


@case("data is never falsy, whatever the record: empty object, empty array, empty text, zero, false, null, tombstone")
async def _():
    rows = await sql("SELECT * FROM %s" % FALSY)
    assert len(rows) == TOPICS["falsy_count"], (rows, mcp_server.log)
    assert all(not row.get("value") for row in rows), rows


@case("data is never falsy, whatever the projection")
async def _():
    for projection in ("missing", "_key AS missing", "null AS missing"):
        rows = await sql("SELECT %s FROM %s" % (projection, FALSY))
        assert len(rows) == TOPICS["falsy_count"] and all(row["value"]["missing"] is None for row in rows), (projection, rows, mcp_server.log)


@case("records of almost a megabyte arrive, each frame under 1 MiB")
async def _():
    rows = await sql("SELECT * FROM %s" % LARGE)
    assert [len(row["value"]) for row in rows] == TOPICS["large_sizes"], mcp_server.log
    frames, code = await transcript("SELECT * FROM %s" % LARGE)
    sizes = [size for _, _, size in frames]
    assert code == 1000 and max(sizes) < MIB and max(sizes) > 900_000, sizes


@case("a record whose JSON would pass 1 MiB is a BADRECORD that says so; what stands around it is there")
async def _():
    rows = await sql("SELECT * FROM %s" % QUOTES)
    assert [row["value"] for row in rows] == ["before", "after"], rows
    assert mcp_server.log == [], mcp_server.log
    frames, code = await transcript("SELECT * FROM %s" % QUOTES)
    [bad] = [frame["data"]["metadata"] for frame, _, _ in frames if frame["type"] == "BADRECORD"]
    assert code == 1000 and bad["limit"] == "server.max.frame.bytes" and bad["frameBytes"] > MIB, bad


@case("END comes last, then the server closes with 1000")
async def _():
    frames, code = await transcript("SELECT * FROM %s LIMIT 3" % EVENTS)
    assert kinds(frames) == ["METADATA", "RECORD", "RECORD", "RECORD", "END"] and code == 1000, (kinds(frames), code)


@case("an ERROR is followed by END and a close with 1000")
async def _():
    frames, code = await transcript("SELECT * FROM nothing_%s" % SUFFIX)
    assert kinds(frames) == ["ERROR", "END"] and code == 1000, (kinds(frames), code)
    assert isinstance(frames[0][0]["data"], str) and "nothing_" + SUFFIX in frames[0][0]["data"], frames


@case("texts of errors: unknown table, unknown field, syntax")
async def _():
    for text, wanted in (
        ("SELECT * FROM nothing_%s" % SUFFIX, "nothing_" + SUFFIX),
        ("SELECT nope(n) FROM %s" % EVENTS, "nope"),
        ("SELEC * FROM %s" % EVENTS, "SELEC"),
        ("", "empty"),
    ):
        assert await sql(text) == []
        assert len(mcp_server.log) == 1 and wanted in mcp_server.log[0], (text, mcp_server.log)


@case("a query that fails on the way keeps the rows that came before")
async def _():
    rows = await sql("SELECT n FROM %s LIMIT 2; SELECT * FROM nothing_%s" % (EVENTS, SUFFIX))
    assert len(mcp_server.log) == 1 and values(rows) == [{"n": 0}, {"n": 1}], (rows, mcp_server.log)


@case("a busy query sends no heartbeat")
async def _():
    frames, code = await transcript("SELECT * FROM %s LIMIT %d" % (EVENTS, TOPICS["count"]))
    assert code == 1000 and kinds(frames).count("RECORD") == TOPICS["count"], frames[-3:]
    beats = [gap for frame, gap, _ in frames if frame["type"] == "HEARTBEAT"]
    assert all(gap >= TOPICS["heartbeat_seconds"] * 0.8 for gap in beats), beats
    assert len(beats) <= 1, beats


@case("a silent query sends heartbeats, without data, only after silence; the tool passes over them")
async def _():
    # Every pair of many records is looked at, and none fits.
    slow = "SELECT a.n FROM (SELECT n, big FROM {0} LIMIT 8000) AS a INNER JOIN (SELECT n, big FROM {0} LIMIT 8000) AS b ON a.big < b.n".format(EVENTS)
    frames, code = await transcript(slow)
    beats = [(frame, gap) for frame, gap, _ in frames if frame["type"] == "HEARTBEAT"]
    assert code == 1000 and kinds(frames)[-1] == "END" and len(beats) >= 1, (kinds(frames), code, frames[-3:])
    for frame, gap in beats:
        assert not frame.get("data") and gap >= TOPICS["heartbeat_seconds"] * 0.5, (frame, gap)
    assert await sql(slow) == [] and mcp_server.log == [], mcp_server.log


@case("a key that does not exist: 401 at the handshake")
async def _():
    with key("nobody-knows-this-key"):
        assert "Not authenticated" in await refused("execute_sql", environment="demo", sql="SHOW TABLES")
        assert (await refused("list_environments")).startswith("401 "), "environments"
        assert (await refused("list_topics", environment="demo")).startswith("401 "), "topics"


@case("no key at all: 401 at the handshake")
async def _():
    with key(""):
        try:
            await tool("execute_sql", environment="demo", sql="SHOW TABLES")
        except ToolError as error:
            # Without a value the header itself is not legal for some HTTP libraries.
            assert "Not authenticated" in str(error) or "header" in str(error).lower(), error
        else:
            raise AssertionError("let in")


@case("a key as name:key")
async def _():
    with key("robot:" + os.environ["SLUICE_KEY"]):
        assert len(await sql("SELECT * FROM %s LIMIT 1" % EVENTS)) == 1
    with key("nobody:" + os.environ["SLUICE_KEY"]):
        assert "Not authenticated" in await refused("execute_sql", environment="demo", sql="SHOW TABLES")


@case("a revoked key: it worked, and then 401 at the handshake and from REST")
async def _():
    async with httpx.AsyncClient(base_url=URL) as http:
        answer = await http.post("/api/v1/login", json={"username": "admin", "password": "admin"})
        session = answer.cookies["session_id"]
        with key(session):
            assert len(await sql("SELECT * FROM %s LIMIT 1" % EVENTS)) == 1
            assert (await http.post("/api/v1/logout", headers=mcp_server.headers())).status_code == 204
            assert "Not authenticated" in await refused("execute_sql", environment="demo", sql="SHOW TABLES")
            assert (await refused("list_topics", environment="demo")).startswith("401 ")


@case("an expired key: 401 at the handshake")
async def _():
    async with httpx.AsyncClient(base_url=URL) as http:
        session = (await http.post("/api/login", json={"user": "admin", "password": "admin"})).text
    with key(session):
        assert len(await sql("SHOW TABLE TYPES")) == 2
        await asyncio.sleep(TOPICS["session_seconds"] + 0.1)
        assert "Not authenticated" in await refused("execute_sql", environment="demo", sql="SHOW TABLES")


@case("a key that may not use the environment: 403, and the environment is not listed")
async def _():
    with key(TOPICS["stranger_key"]):
        assert "HTTP 403" in await refused("execute_sql", environment="demo", sql="SHOW TABLES")
        assert [e["name"] for e in await tool("list_environments")] == ["far"]
        assert (await refused("get_environment", environment="demo")).startswith("404 ")
        assert (await refused("list_topics", environment="demo")).startswith("403 ")


@case("a key that reads some topics: the others do not exist, and nothing can be changed")
async def _():
    with key(TOPICS["reader_key"]):
        assert len(await sql("SELECT * FROM %s LIMIT 1" % EVENTS)) == 1
        assert await sql("SELECT * FROM %s" % TABLE) == [] and "Unknown table" in mcp_server.log[0], mcp_server.log
        assert (await refused("get_topic", environment="demo", topic=TABLE)).startswith("404 ")
        assert await sql("INSERT INTO %s(n) VALUES (1)" % EVENTS) == [] and "may not" in mcp_server.log[0], mcp_server.log
        assert TABLE not in [t["topicName"] for t in await tool("list_topics", environment="demo")]


@case("an unknown environment: 404 at the handshake, and 404 with a title from REST")
async def _():
    assert "HTTP 404" in await refused("execute_sql", environment="nowhere", sql="SHOW TABLES")
    for name in ("get_environment", "list_topics", "list_datasets"):
        text = await refused(name, environment="nowhere")
        assert text.startswith("404 ") and "nowhere" in text, text


@case("an environment whose Kafka is away: not connected, an issue counted or no metrics, and SQL says it in its error")
async def _():
    health = await tool("check_environment_health", environment="far")
    assert health["connected"] is False, health
    assert await sql("SHOW TABLES", environment="far") == [] and len(mcp_server.log) == 1 and "127.0.0.1:9" in mcp_server.log[0], mcp_server.log


@case("environments: a list under items, each with a name and a status")
async def _():
    listed = await tool("list_environments")
    assert [e["name"] for e in listed] == ["demo", "far"], listed
    assert all(isinstance(e["status"]["agent_connected"], bool) for e in listed), listed
    one = await tool("get_environment", environment="demo")
    assert one["name"] == "demo" and one["status"]["agent_connected"] is True, one


@case("the health of an environment: numbers of brokers, topics, consumers, connectors, issues")
async def _():
    health = await tool("check_environment_health", environment="demo")
    assert health["connected"] is True and health["brokers"] >= 1 and health["topics"] >= 4, health
    assert all(isinstance(health[name], int) for name in ("consumers", "connectors", "issues")), health


@case("groups of consumers are moved and deleted, by whoever has the right")
async def _():
    group = {"environment": "demo", "group": TOPICS["group"]}
    part = {**group, "topic": EVENTS, "partition": 0}

    async def stands():
        groups = await tool("list_consumer_groups_by_topic", environment="demo", topic=EVENTS)
        return [place["currentOffset"] for g in groups if g["id"] == TOPICS["group"] for place in g["consumers"]]

    with key(TOPICS["reader_key"]):
        text = await refused("update_consumer_group_topic_partition_offset", **part, offset=1)
        assert text.startswith("403 ") and "may not move consumers" in text, text
    await tool("update_consumer_group_topic_partition_offset", **part, offset=7)
    assert await stands() == [7]
    await tool("update_consumer_group_offsets", **group, topics=[EVENTS], reset_to="end")
    assert await stands() == [TOPICS["count"]]
    await tool("update_consumer_group_offsets", **group, topics=[EVENTS], reset_to="timestamp", target="2020-01-01T00:00:00Z")
    assert await stands() == [0]
    await tool("delete_consumer_group_topic_partition_offset", **part)
    assert await stands() == []
    await tool("update_consumer_group_offsets", **group, topics=[EVENTS], reset_to="start")
    await tool("delete_consumer_group_offsets", **group, topics=[EVENTS])
    assert await stands() == []
    await tool("update_consumer_group_offsets", **group, topics=[EVENTS], reset_to="start")
    await tool("delete_consumer_group", **group)
    text = await refused("delete_consumer_group", **group)
    assert text.startswith("404 "), text


@case("environments are not made by clients: the answer says where")
async def _():
    text = await refused("create_environment", name="new")
    assert text.startswith("501 ") and "configuration" in text, text


@case("topics: a bare list with topicName, and one of them")
async def _():
    listed = await tool("list_topics", environment="demo")
    assert {TABLE, EVENTS, FALSY} <= {t["topicName"] for t in listed}
    one = await tool("get_topic", environment="demo", topic=EVENTS)
    assert one["topicName"] == EVENTS and one["totalMessages"] == TOPICS["count"] and one["partitions"] == 1 and one["valueType"] == "JSON", one
    assert [{k: p[k] for k in ("partition", "messages", "begin", "end")} for p in one["messagesPerPartition"]] == [
        {"partition": 0, "messages": TOPICS["count"], "begin": 0, "end": TOPICS["count"]}
    ], one


@case("a topic that is not there: 404 with a title")
async def _():
    for name in ("get_topic", "get_topic_partitions", "get_topic_broker_configs", "get_topic_metadata"):
        text = await refused(name, environment="demo", topic="nothing-" + SUFFIX)
        assert text.startswith("404 ") and "nothing-" + SUFFIX in text, text


@case("partitions and broker settings of a topic")
async def _():
    partitions = await tool("get_topic_partitions", environment="demo", topic=EVENTS)
    assert [p["partition"] for p in partitions["partitions"]] == [0], partitions
    configs = await tool("get_topic_broker_configs", environment="demo", topic=EVENTS)
    assert {"cleanup.policy", "retention.ms"} <= {c["name"] for c in configs}, configs


@case("a topic made by REST is changed, filled by SQL and deleted")
async def _():
    name = "mcp-made-" + SUFFIX
    assert await tool("create_topic", environment="demo", name=name, partitions=2, configs={"cleanup.policy": "compact"}) == "Topic [%s] created" % name
    assert (await refused("create_topic", environment="demo", name=name)).startswith("409 ")
    assert (await tool("get_topic", environment="demo", topic=name))["partitions"] == 2
    await tool("update_topic_config", environment="demo", topic=name, configs=[{"key": "retention.ms", "value": "86400000"}])
    configs = {c["name"]: c["value"] for c in await tool("get_topic_broker_configs", environment="demo", topic=name)}
    assert (configs["retention.ms"], configs["cleanup.policy"]) == ("86400000", "compact"), configs
    await tool("add_topic_partitions", environment="demo", topic=name, partitions=3)
    assert len((await tool("get_topic_partitions", environment="demo", topic=name))["partitions"]) == 3
    await tool("set_topic_metadata", environment="demo", topic=name, key_type="STRING", value_type="JSON")
    assert values(await sql("INSERT INTO `%s`(_key, a) VALUES ('k', 1)" % name)) == [{"flag": True, "info": "1 records inserted"}], mcp_server.log
    assert values(await sql("SELECT * FROM `%s`" % name)) == [{"a": 1}], mcp_server.log
    assert name in await tool("delete_topic", environment="demo", topic=name)
    assert await sql("SELECT * FROM `%s`" % name) == [] and "Unknown table" in mcp_server.log[0], mcp_server.log


@case("a topic made with an Avro schema: metadata, INSERT, SELECT")
async def _():
    name = "mcp-avro-" + SUFFIX
    schema = {"type": "record", "name": "Payment", "fields": [{"name": "id", "type": "string"}, {"name": "amount_" + SUFFIX, "type": "double"}]}
    await tool("create_topic_with_schema", environment="demo", name=name, key={"format": "STRING"}, value={"format": "AVRO", "schema": json.dumps(schema)})
    metadata = await tool("get_topic_metadata", environment="demo", topic=name)
    assert (metadata["keyType"], metadata["valueType"]) == ("STRING", "AVRO") and json.loads(metadata["valueSchema"])["name"] == "Payment", metadata
    assert name in [m["topicName"] for m in await tool("list_topic_metadata", environment="demo")]
    assert values(await sql("INSERT INTO `%s`(_key, id, amount_%s) VALUES ('k', 'p1', 2.5)" % (name, SUFFIX))) == [{"flag": True, "info": "1 records inserted"}], mcp_server.log
    rows = await sql("SELECT * FROM `%s`" % name)
    assert values(rows) == [{"id": "p1", "amount_" + SUFFIX: 2.5}] and isinstance(rows[0]["metadata"]["valueSchemaId"], int), (rows, mcp_server.log)


@case("a malformed request to REST names the field")
async def _():
    text = await refused("create_topic", environment="demo", name="bad name !", partitions=1)
    assert text.startswith("400 "), text
    assert "page" in await refused("list_datasets", environment="demo", page=0)


@case("datasets by pages: every topic once, in order, both ways")
async def _():
    first = (await tool("list_datasets", environment="demo", page=1, page_size=2))["datasets"]
    assert first["totalCount"] >= 4 and first["pagesAmount"] == (first["totalCount"] + 1) // 2 and len(first["values"]) == 2, first
    names = []
    for page in range(1, first["pagesAmount"] + 1):
        names += [d["name"] for d in (await tool("list_datasets", environment="demo", page=page, page_size=2))["datasets"]["values"]]
    assert len(names) == first["totalCount"] == len(set(names)) and names == sorted(names), names
    backwards = (await tool("list_datasets", environment="demo", page_size=500, sort_order="desc"))["datasets"]["values"]
    assert [d["name"] for d in backwards] == names[::-1]
    beyond = (await tool("list_datasets", environment="demo", page=9999, page_size=2))["datasets"]
    assert beyond["values"] == [] and beyond["totalCount"] == first["totalCount"], beyond


@case("datasets are found by name and by field, with or without records")
async def _():
    found = (await tool("list_datasets", environment="demo", search=EVENTS.upper()))["datasets"]["values"]
    assert [d["name"] for d in found] == [EVENTS] and found[0]["records"] == TOPICS["count"] and found[0]["connectionName"] == "kafka", found
    by_field = (await tool("list_datasets", environment="demo", search="AMOUNT_" + SUFFIX))["datasets"]["values"]
    assert [d["name"] for d in by_field] == ["mcp-avro-" + SUFFIX], by_field
    assert [f["name"] for f in by_field[0]["fields"]["value"]] == ["id", "amount_" + SUFFIX], by_field
    assert (await tool("list_datasets", environment="demo", search=EVENTS, has_records=False))["datasets"]["totalCount"] == 0


@case("one dataset and its message metrics")
async def _():
    one = await tool("get_dataset", environment="demo", connection="kafka", name=EVENTS)
    assert one["name"] == EVENTS and one["valueType"] == "JSON", one
    metrics = await tool("get_dataset_message_metrics", environment="demo", name=EVENTS)
    assert metrics[-1]["messages"] == TOPICS["count"] and metrics[-1]["date"], metrics
    assert (await refused("get_dataset", environment="demo", connection="elastic", name=EVENTS)).startswith("404 ")


@case("twenty queries of one key, as many at a time as the server lets in")
async def _():
    results = [await asyncio.gather(*(tool("execute_sql", environment="demo", sql="SELECT count(*) FROM %s" % EVENTS) for _ in range(5))) for _ in range(4)]
    assert all(values(rows) == [{"count": TOPICS["count"]}] for batch in results for rows in batch), results


@case("DROP TABLE: a bare true is a row")
async def _():
    rows = await sql("DROP TABLE %s" % TABLE)
    assert values(rows) == [True] and rows[0]["rownum"] == 0, (rows, mcp_server.log)


async def main():
    async with client:
        await run_async()


asyncio.run(main())
