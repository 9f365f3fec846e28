"""Calls a priced tool with the MCP client of pympp, unmodified. Runs in an environment of its own,
because that client needs an older SDK of the Model Context Protocol than the other cases.

Arguments: URL of the server, file of the key, tool, its arguments in JSON. Prints what came of it.
"""

import asyncio
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "sdk" / "python" / "src"))

from farthing_x402 import PayerKey  # noqa: E402
from farthing_x402.mpp import charge  # noqa: E402
from mcp import ClientSession  # noqa: E402
from mcp.client.streamable_http import streamablehttp_client  # noqa: E402
from mpp.extensions.mcp import McpClient  # noqa: E402

TAKES = {"accept-payment": "farthing/charge"}


async def call(url, key, tool, arguments):
    async with streamablehttp_client(url, headers=TAKES) as (read, write, _):
        async with ClientSession(read, write) as session:
            started = await session.initialize()
            listed = (await session.list_tools()).tools
            payer = McpClient(session, methods=[charge(PayerKey.load(key))])
            try:
                answer = await payer.call_tool(tool, arguments)
            except Exception as error:  # noqa: BLE001  told to the case
                cause = error.__cause__ or error
                data = getattr(getattr(cause, "error", None), "data", None)
                return {"error": type(error).__name__, "why": str(cause), "data": data}
            return {
                "text": answer.content[0].text,
                "is_error": answer.isError,
                "receipt": answer.receipt.to_dict() if answer.receipt else None,
                "takes": (started.capabilities.experimental or {}).get("payment"),
                "prices": {tool.name: tool.meta for tool in listed},
            }


url, key, tool, arguments = sys.argv[1:]
print(json.dumps(asyncio.run(call(url, key, tool, json.loads(arguments)))))
