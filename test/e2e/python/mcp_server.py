"""
An MCP server that asks Sluice the way the current Lenses MCP server asks Lenses: one WebSocket for each statement with the key in the handshake, everything else through REST.
It is strict where that one is, and forgiving where that one is: what it gives up on, a user would lose.

Configured by LENSES_API_HTTP_URL, LENSES_API_HTTP_PORT, LENSES_API_WEBSOCKET_URL, LENSES_API_WEBSOCKET_PORT and LENSES_API_KEY.
"""
import json
import os
from typing import Any
from urllib.parse import quote

import httpx
import websockets
from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from websockets.exceptions import ConnectionClosed, InvalidStatus

HTTP = "%s:%s" % (os.environ.get("LENSES_API_HTTP_URL", "http://localhost"), os.environ.get("LENSES_API_HTTP_PORT", "9991"))
WEBSOCKET = "%s:%s" % (os.environ.get("LENSES_API_WEBSOCKET_URL", "ws://localhost"), os.environ.get("LENSES_API_WEBSOCKET_PORT", "9991"))
KEY = os.environ.get("LENSES_API_KEY", "")

mcp = FastMCP("Lenses")
log = []
"""Texts of ERROR frames; they reach no user."""


def headers() -> dict[str, str]:
    return {"Authorization": "Bearer " + KEY}


def proxied(environment: str, path: str) -> str:
    return "/api/v1/environments/%s/proxy%s" % (quote(environment, safe=""), path)


async def rest(method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
    async with httpx.AsyncClient(base_url=HTTP, headers=headers(), timeout=30) as client:
        response = await client.request(method, path, json=body, params=query)
    if response.status_code >= 400:
        raise ToolError("%s %s" % (response.status_code, problem(response)))
    if response.status_code == 204 or not response.content:
        return None
    kind = response.headers.get("content-type", "")
    return response.json() if "json" in kind else response.text


def problem(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return "no JSON: " + response.text[:200]
    return ": ".join(str(body[name]) for name in ("title", "error_description") if name in body)


@mcp.tool
async def execute_sql(environment: str, sql: str) -> list[dict[str, Any]]:
    """Runs one statement; each row is the whole data of its frame."""
    records: list[dict[str, Any]] = []
    url = WEBSOCKET + proxied(environment, "/api/ws/v2/sql/execute")
    try:
        async with websockets.connect(url, additional_headers=headers()) as socket:
            await socket.send(json.dumps({"sql": sql}))
            while True:
                frame = json.loads(await socket.recv())
                kind = str(frame.get("type", "")).upper()
                if kind == "RECORD":
                    data = frame.get("data")
                    if not data:
                        return records
                    records.append(data)
                elif kind == "ERROR":
                    log.append(frame.get("data"))
                    return records
                elif kind == "END":
                    return records
    except InvalidStatus as refused:
        if refused.response.status_code == 401:
            raise ToolError("Not authenticated: the key was refused") from refused
        raise ToolError("The server refused the connection: HTTP %s" % refused.response.status_code) from refused
    except ConnectionClosed as closed:
        raise ToolError("The connection ended before the result did: %s" % closed) from closed


@mcp.tool
async def list_environments() -> list[dict[str, Any]]:
    return (await rest("GET", "/api/v1/environments"))["items"]


@mcp.tool
async def get_environment(environment: str) -> dict[str, Any]:
    return await rest("GET", "/api/v1/environments/" + quote(environment, safe=""))


@mcp.tool
async def create_environment(name: str) -> dict[str, Any]:
    return await rest("POST", "/api/v1/environments", {"name": name, "display_name": name, "tier": "development"})


@mcp.tool
async def check_environment_health(environment: str) -> dict[str, Any]:
    status = (await get_environment.fn(environment))["status"]
    if not status["agent_connected"]:
        return {"connected": False}
    metrics = status["agent"]["metrics"]
    return {
        "connected": True,
        "brokers": metrics["kafka"]["num_brokers"],
        "topics": metrics["data"]["num_topics"],
        "consumers": metrics["apps"]["num_consumers"],
        "connectors": metrics["connect"]["num_connectors"],
        "issues": metrics["other"]["num_issues"],
    }


@mcp.tool
async def list_topics(environment: str) -> list[dict[str, Any]]:
    return await rest("GET", proxied(environment, "/api/topics"))


@mcp.tool
async def get_topic(environment: str, topic: str) -> dict[str, Any]:
    return await rest("GET", proxied(environment, "/api/topics/" + quote(topic, safe="")))


@mcp.tool
async def get_topic_partitions(environment: str, topic: str) -> dict[str, Any]:
    return await rest("GET", proxied(environment, "/api/v2/topics/%s/partitions" % quote(topic, safe="")))


@mcp.tool
async def get_topic_broker_configs(environment: str, topic: str) -> list[dict[str, Any]]:
    return await rest("GET", proxied(environment, "/api/topics/%s/brokerConfigs" % quote(topic, safe="")))


@mcp.tool
async def create_topic(environment: str, name: str, partitions: int = 1, replication: int = 1, configs: dict[str, str] | None = None) -> Any:
    return await rest("POST", proxied(environment, "/api/topics"), {"topicName": name, "partitions": partitions, "replication": replication, "configs": configs or {}})


@mcp.tool
async def create_topic_with_schema(environment: str, name: str, key: dict[str, str], value: dict[str, str], partitions: int = 1) -> Any:
    body = {"name": name, "partitions": partitions, "replication": 1, "configs": {}, "format": {"key": key, "value": value}}
    return await rest("POST", proxied(environment, "/api/v1/kafka/topic"), body)


@mcp.tool
async def update_topic_config(environment: str, topic: str, configs: list[dict[str, str]]) -> Any:
    return await rest("PUT", proxied(environment, "/api/configs/topics/" + quote(topic, safe="")), {"configs": configs})


@mcp.tool
async def add_topic_partitions(environment: str, topic: str, partitions: int) -> Any:
    return await rest("PUT", proxied(environment, "/api/v1/kafka/topics/%s/partitions" % quote(topic, safe="")), {"partitions": partitions})


@mcp.tool
async def delete_topic(environment: str, topic: str) -> Any:
    return await rest("DELETE", proxied(environment, "/api/topics/" + quote(topic, safe="")))


@mcp.tool
async def list_topic_metadata(environment: str) -> list[dict[str, Any]]:
    return await rest("GET", proxied(environment, "/api/metadata/topics"))


@mcp.tool
async def get_topic_metadata(environment: str, topic: str) -> dict[str, Any]:
    return await rest("GET", proxied(environment, "/api/metadata/topics/" + quote(topic, safe="")))


@mcp.tool
async def set_topic_metadata(environment: str, topic: str, key_type: str, value_type: str) -> Any:
    return await rest("POST", proxied(environment, "/api/v1/metadata/topics"), {"topicName": topic, "keyType": key_type, "valueType": value_type})


@mcp.tool
async def list_datasets(
    environment: str, page: int = 1, page_size: int = 25, search: str | None = None, sort_order: str = "asc", include_system: bool = False, has_records: bool | None = None
) -> dict[str, Any]:
    query: dict[str, Any] = {"page": page, "pageSize": page_size, "sortOrder": sort_order, "includeSystemEntities": include_system, "searchFields": True}
    if search is not None:
        query["search"] = search
    if has_records is not None:
        query["hasRecords"] = has_records
    return await rest("GET", proxied(environment, "/api/v1/datasets"), query=query)


@mcp.tool
async def get_dataset(environment: str, connection: str, name: str) -> dict[str, Any]:
    return await rest("GET", proxied(environment, "/api/v1/datasets/%s/%s" % (connection, quote(name, safe=""))))


@mcp.tool
async def get_dataset_message_metrics(environment: str, name: str) -> list[dict[str, Any]]:
    return await rest("GET", proxied(environment, "/api/v1/datasets/kafka/%s/messages/metrics" % quote(name, safe="")))


def of_group(environment: str, group: str, path: str = "") -> str:
    return proxied(environment, "/api/consumers/" + quote(group, safe="") + path)


@mcp.tool
async def list_consumer_groups_by_topic(environment: str, topic: str) -> list[dict[str, Any]]:
    return await rest("GET", proxied(environment, "/api/consumers/" + quote(topic, safe="")))


@mcp.tool
async def update_consumer_group_offsets(environment: str, group: str, topics: list[str], reset_to: str, target: str | None = None) -> Any:
    body: dict[str, Any] = {"type": reset_to, "topics": topics}
    if target is not None:
        body["target"] = target
    return await rest("PUT", of_group(environment, group, "/offsets"), body)


@mcp.tool
async def update_consumer_group_topic_partition_offset(environment: str, group: str, topic: str, partition: int, offset: int) -> Any:
    path = "/offsets/topics/%s/partitions/%d" % (quote(topic, safe=""), partition)
    return await rest("PUT", of_group(environment, group, path), {"type": "absolute", "offset": offset})


@mcp.tool
async def delete_consumer_group_topic_partition_offset(environment: str, group: str, topic: str, partition: int) -> Any:
    return await rest("DELETE", of_group(environment, group, "/topics/%s/partitions/%d/offsets" % (quote(topic, safe=""), partition)))


@mcp.tool
async def delete_consumer_group_offsets(environment: str, group: str, topics: list[str]) -> Any:
    return await rest("POST", of_group(environment, group, "/offsets/delete"), {"topics": topics})


@mcp.tool
async def delete_consumer_group(environment: str, group: str) -> Any:
    return await rest("DELETE", of_group(environment, group))


if __name__ == "__main__":
    mcp.run()
