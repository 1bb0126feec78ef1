/**
 * The Python program of the WebSocket specification (edition 6.0), with host and statement put in, the token taken from
 * the environment, and nothing else changed.
 */

export interface SnippetValues {
  /** With the port, and the path in front of `/api` if there is one. */
  readonly host: string
  /** Whether the server is reached by TLS. */
  readonly secure: boolean
  readonly environment: string
  readonly sql: string
}

/** The program; its token stands in the environment variable SLUICE_TOKEN. */
export function pythonSnippet(values: SnippetValues): string {
  const text = JSON.stringify
  const [scheme, other] = values.secure ? ['wss', 'ws'] : ['ws', 'wss']
  return `import os, websockets, json, asyncio

import ssl
#Optional if using self-signed cert with the websocket:
# ssl_context = ssl._create_unverified_context()

async def execute_SQL(environmentName: str, sql: str) -> dict:

    #FOR ${values.secure ? 'plain' : 'Secure'} Websocket use:
    #  url = str("${other}://") + ${text(values.host)} + "/api/v1/environments/" + environmentName + "/proxy/api/ws/v2/sql/execute"
    url = str("${scheme}://") + ${text(values.host)} + "/api/v1/environments/" + environmentName + "/proxy/api/ws/v2/sql/execute"
    headers = {"Authorization": "Bearer " + os.environ["SLUICE_TOKEN"]}

    data = []
    try:
        request = {
            "sql": sql,
            "live": False,
            "stats": 2
        }

        #FOR WSS use:
        #async with websockets.connect(url, ssl=ssl_context, additional_headers=headers) as websocket:
        async with websockets.connect(url, additional_headers=headers) as websocket:
            await websocket.send(json.dumps(request))
            async for message in websocket:
                response = json.loads(message)
                if response.get('type') == 'RECORD':
                    data.append(response)

    except websockets.exceptions.WebSocketException as e:

        print(f"An error occurred: {e}")
        return None
    print(data)

asyncio.run(execute_SQL(${text(values.environment)}, ${text(values.sql)}))
`
}
