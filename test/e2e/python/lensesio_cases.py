"""lensesio 4.0.1 from PyPI, unmodified, against the server at SLUICE_URL."""
import os
import time
import uuid

from lensesio.lenses import main

from cases import case, run

URL = os.environ["SLUICE_URL"]
KEY = os.environ["SLUICE_KEY"]
GROUP = os.environ["SLUICE_GROUP"]
SUFFIX = uuid.uuid4().hex[:8]
TABLE = "greetings_" + SUFFIX
TOPIC = "rest_topic_" + SUFFIX
SUBJECT = "reddit_" + SUFFIX + "-value"
SCHEMA = {"schema": '{"type":"record","name":"reddit_post_key","namespace":"com.landoop.social","fields":[{"name":"testit_id","type":"string"}]}'}

conn = main(auth_type="basic", url=URL, username="admin", password="admin")


@case("login gives a token of at least 36 characters")
def _():
    assert isinstance(conn.token, str) and len(conn.token) >= 36, conn.token


@case("who am I")
def _():
    info = conn.UserInfo()
    assert info["user"] == "admin" and info["token"] == conn.token and info["permissions"], info


@case("a validated connection")
def _():
    assert conn.ConnectionValidation() == 0


@case("a wrong password ends the client")
def _():
    try:
        main(auth_type="basic", url=URL, username="admin", password="wrong")
    except SystemExit as e:
        assert e.code == 1
    else:
        raise AssertionError("logged in")


@case("a service account, token alone")
def _():
    other = main(auth_type="service", url=URL, service_account=KEY)
    assert other.userInfo["user"] == "robot", other.userInfo


@case("a service account as name:token, and a query with it")
def _():
    other = main(auth_type="service", url=URL, service_account="robot:" + KEY)
    assert other.SQL("SHOW TABLE TYPES")["data"][0]["value"] == {"type": "SYSTEM"}


@case("a service account that does not exist")
def _():
    try:
        main(auth_type="service", url=URL, service_account="robot:nothing")
    except SystemExit as e:
        assert e.code == 1
    else:
        raise AssertionError("logged in")


@case("CREATE TABLE")
def _():
    result = conn.SQL("CREATE TABLE %s(_key string, _value string) FORMAT (string, string)" % TABLE)
    assert result["ERROR"] == [], result
    assert result["data"][0]["value"]["flag"] is True, result
    assert result["data"][0]["value"]["info"] == "Topic %s has been created" % TABLE, result


@case("CREATE TABLE of a table that is there")
def _():
    result = conn.SQL("CREATE TABLE %s(_key string, _value string) FORMAT (string, string)" % TABLE)
    assert result["ERROR"] == ["Kafka topic %s already exists" % TABLE], result


@case("INSERT")
def _():
    result = conn.SQL("INSERT INTO %s(_key, _value) VALUES('Hello', 'World')" % TABLE)
    assert result["data"][0]["value"] == {"flag": True, "info": "1 records inserted"}, result
    assert result["data"][0]["rownum"] == 0
    assert "metadata" not in result["data"][0]


@case("SELECT * gives key, value and metadata")
def _():
    result = conn.SQL("SELECT * FROM %s limit 1" % TABLE)
    row = result["data"][0]
    assert "World" in row["value"] and row["key"] == "Hello", result
    assert row["metadata"]["__keysize"] == 5 and row["metadata"]["__valuesize"] == 5 and row["metadata"]["offset"] == 0, result
    assert row["rownum"] == 0


@case("METADATA lists the fields of the metadata")
def _():
    fields = conn.SQL("SELECT * FROM %s limit 1" % TABLE)["metadata"]["fields"]
    assert fields[:2] == ["offset", "partition"] or set(["offset", "partition", "timestamp"]) <= set(fields), fields


@case("an error has its text")
def _():
    result = conn.SQL("SELECT * FROM nowhere_%s" % SUFFIX)
    assert result["data"] == [] and isinstance(result["ERROR"][0], str) and "nowhere_" in result["ERROR"][0], result


@case("text that is no SQL")
def _():
    result = conn.SQL("SELEKT 1")
    assert len(result["ERROR"]) == 1, result


@case("an aggregation")
def _():
    result = conn.SQL("SELECT count(*) FROM %s" % TABLE)
    assert result["data"][0]["value"] == {"count": 1}, result


@case("a query on a thread of the client's")
def _():
    conn.SQL("SELECT * FROM %s" % TABLE, spawn_thread=True)
    t = conn.active_threads["sql"]["t"]
    got = conn.active_threads["sql"][t]["sqlQue"].get(timeout=20)
    assert got["data"][0]["value"] == "World", got


@case("SHOW TABLES names the table")
def _():
    names = [row["value"]["name"] for row in conn.SQL("SHOW TABLES")["data"]]
    assert TABLE in names, names


@case("a row of more than 1 MiB")
def _():
    conn.SQL("INSERT INTO %s(_key, _value) VALUES('big', '%s')" % (TABLE, "x" * 600000))
    result = conn.SQL("SELECT CONCAT(_value, _value, 'end') AS twice FROM %s WHERE _key = 'big'" % TABLE)
    assert len(result["data"][0]["value"]["twice"]) == 1200003, result.get("ERROR")


@case("DROP TABLE")
def _():
    result = conn.SQL("DROP TABLE %s" % TABLE)
    assert result["data"][0]["value"] is True, result


@case("a topic made")
def _():
    text = conn.CreateTopic(TOPIC, 1, 1, {"cleanup.policy": "delete", "compression.type": "snappy"})
    assert text == "Topic [%s] created" % TOPIC, text


@case("a topic made twice is refused")
def _():
    text = conn.CreateTopic(TOPIC, 1, 1, {})
    assert "exists" in text, text


@case("all topics")
def _():
    assert "topicName" in conn.GetAllTopics()[0].keys()


@case("names of topics")
def _():
    names = conn.LstOfTopicsNames()
    assert type(names) is list and TOPIC in names, names


@case("one topic")
def _():
    info = conn.TopicInfo(TOPIC)
    assert info["topicName"] == TOPIC and info["partitions"] == 1 and info["totalMessages"] == 0, info


@case("an INSERT into a topic made by REST")
def _():
    result = conn.SQL("INSERT INTO %s(_key, _value) VALUES('k', 'v')" % TOPIC)
    assert result["ERROR"] == [], result
    assert conn.TopicInfo(TOPIC)["totalMessages"] == 1


@case("settings of a topic changed")
def _():
    text = conn.UpdateTopicConfig(TOPIC, {"configs": [{"key": "retention.ms", "value": "3600000"}]})
    assert text == "Topic [%s] updated config with [SetTopicConfiguration(List(TopicConfigKeyValue(retention.ms,3600000)))]" % TOPIC, text
    found = [c["value"] for c in conn.TopicInfo(TOPIC)["config"] if c["name"] == "retention.ms"]
    assert found == ["3600000"], found


@case("defaults of topics, and the names of their settings")
def _():
    defaults = {c["name"]: c["value"] for c in conn.DefaultTopicConfigs()}
    assert "max.message.bytes" in defaults, defaults
    assert "retention.ms" in conn.AvailableTopicConfigKeys()


@case("groups of consumers, and their names")
def _():
    group = [g for g in conn.GetConsumers() if g["id"] == GROUP]
    assert len(group) == 1, group
    keys = ("active", "application", "consumers", "consumersCount", "coordinator", "maxLag", "minLag", "state", "topicPartitionsCount")
    assert all(key in group[0] for key in keys), group
    assert group[0]["topicPartitionsCount"] == 1 and group[0]["coordinator"]["port"] > 0, group
    assert GROUP in conn.GetConsumersNames()


@case("a setting that does not exist is refused")
def _():
    text = conn.UpdateTopicConfig(TOPIC, {"configs": [{"key": "no.such.setting", "value": "1"}]})
    assert '"error"' in text, text


@case("records deleted")
def _():
    text = conn.DeleteTopicRecords(TOPIC, "0", "10")
    assert "Records from topic '%s' and partition '0' up to offset '10'" % TOPIC in text.split(","), text
    assert conn.TopicInfo(TOPIC)["totalMessages"] == 0


@case("a topic deleted")
def _():
    text = conn.DeleteTopic(TOPIC)
    assert text == "Topic '%s' has been marked for deletion" % TOPIC, text
    for _ in range(50):
        if TOPIC not in conn.LstOfTopicsNames():
            return
        time.sleep(0.1)
    raise AssertionError("still there")


@case("a topic that is not there")
def _():
    assert "There is no topic" in conn.TopicInfo("nowhere_" + SUFFIX)


@case("a schema registered")
def _():
    assert conn.RegisterNewSchema(SUBJECT, SCHEMA)["id"] > 0


@case("subjects, versions, a schema by version and by id")
def _():
    assert SUBJECT in conn.GetAllSubjects()
    assert conn.ListVersionsSubj(SUBJECT) == [1]
    version = conn.GetSchemaByVer(SUBJECT, "1")
    assert isinstance(version, dict) and version["subject"] == SUBJECT, version
    assert "schema" in conn.GetSchemaById(str(version["id"])).keys()


@case("a schema registered with a slash at the end")
def _():
    assert "id" in conn.UpdateSchema(SUBJECT, SCHEMA)


@case("compatibility of the registry and of a subject")
def _():
    assert "compatibilityLevel" in conn.GetGlobalCompatibility()
    assert "BACKWARD" in conn.ChangeCompatibility(SUBJECT, {"compatibility": "BACKWARD"}).values()
    assert conn.GetCompatibility(SUBJECT)["compatibilityLevel"] == "BACKWARD"


@case("a version deleted, then the subject")
def _():
    conn.RegisterNewSchema(SUBJECT.replace("-value", "-key"), SCHEMA)
    assert conn.DeleteSchemaByVersion(SUBJECT, "1").strip() == "1"
    assert conn.DeleteSubj(SUBJECT.replace("-value", "-key")) == [1]


@case("a subject that is not there: the registry's own words")
def _():
    assert "error_code" in conn.ListVersionsSubj("nowhere_" + SUFFIX + "-value")


run()
