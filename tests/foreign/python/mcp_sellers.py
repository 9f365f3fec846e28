"""An MCP server of the Python SDK behind the gateway sells a tool: the MCP clients of the packages x402
and pympp pay for it, unmodified.

The tool counts its calls, so that what was executed can be compared with what was charged.
"""

import asyncio
import contextlib
import json
import pathlib
import subprocess
import tempfile
import threading
import types

import httpx
import uvicorn
from farthing_x402 import PayerKey, access_header, id_from_digits, register_farthing
from log_tools import FARTHING
from log_witnesses import free_port, process
from mcp import Client
from mcp.server import MCPServer
from node import ANSWER_SECONDS_MAX, HERE
from x402 import x402Client
from x402.mcp import x402MCPClient

PRICE_UNITS = 3_000_000
MPP_PYTHON = HERE.parents[2] / "target" / "venv-mcp" / "bin" / "python"


def tool_server(calls):
    """The server: one priced tool, one that fails, one that is free."""
    server = MCPServer("library")

    @server.tool()
    def lookup(word: str) -> str:
        calls.append(word)
        return f"{word}: a small bird"

    @server.tool()
    def broken(word: str) -> str:
        calls.append(word)
        raise ValueError("no such word")

    @server.tool()
    def hello() -> str:
        return "hello"

    return server


class Shop:
    """The server, and a node with a gateway in front of it."""

    def __init__(self, stack, **options):
        self.calls = []
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream, node, site = (free_port() for _ in range(3))
        app = tool_server(self.calls).streamable_http_app(stateless_http=True, **options)
        self._serve(stack, app, upstream)
        self.node, self.url = f"http://127.0.0.1:{node}", f"http://127.0.0.1:{site}/mcp"
        offers = "".join(
            f'[[gateway.offer]]\npath = "/mcp"\ntool = "{tool}"\nprice = "0.003"\n'
            f'pay_to = "library"\ndescription = "A word explained"\n'
            for tool in ("lookup", "broken")
        )
        (folder / "node.toml").write_text(
            f'[node]\nlisten = "127.0.0.1:{node}"\ndata = "{folder / "data"}"\n'
            '[[asset]]\ncode = "USD"\nsandbox = true\n[[payee]]\nname = "library"\n'
            f'[[gateway]]\nlisten = "127.0.0.1:{site}"\nupstream = "http://127.0.0.1:{upstream}"\n'
            + offers
        )
        serve = (FARTHING, "serve", "--config", folder / "node.toml")
        stack.enter_context(process(self.node + "/v1/node", *serve))
        self.network = self._json("GET", "/v1/node")["network"]

    def _serve(self, stack, app, port):
        settings = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error")
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()

        def stop():
            server.should_exit = True
            thread.join(ANSWER_SECONDS_MAX)

        stack.callback(stop)

    def _json(self, method, path, **options):
        answer = httpx.request(method, self.node + path, timeout=ANSWER_SECONDS_MAX, **options)
        assert answer.is_success, answer.text
        return answer.json()

    def payer(self):
        key = PayerKey.generate()
        self._json("POST", "/v1/faucet", json={"key": key.public_key.hex()})
        return key

    def available(self, key):
        node = id_from_digits(self.network.removeprefix("farthing:"))
        shown = {"authorization": access_header(node, key)}
        return int(self._json("GET", "/v1/payer", headers=shown)["available"])


class Adapter:
    """The SDK's client under the names by which the x402 package calls it."""

    def __init__(self, client):
        self.client = client

    async def call_tool(self, params, read_timeout_seconds=None):
        result = await self.client.call_tool(
            params["name"], params["arguments"], meta=params.get("_meta")
        )
        return types.SimpleNamespace(
            content=[item.model_dump(by_alias=True) for item in result.content],
            isError=result.is_error,
            structuredContent=result.structured_content,
            _meta=result.meta or {},
        )


@contextlib.asynccontextmanager
async def paying(shop, key):
    async with Client(shop.url) as client:
        payer = register_farthing(x402Client(), key)
        yield x402MCPClient(Adapter(client), payer, auto_payment=True), client


async def buys(shop):
    key = shop.payer()
    before = shop.available(key)
    async with paying(shop, key) as (payer, client):
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"lookup", "broken", "hello"}, tools
        free = await payer.call_tool("hello", {})
        assert not free.payment_made and not free.is_error, free

        paid = await payer.call_tool("lookup", {"word": "wren"})
        assert paid.payment_made and not paid.is_error, paid
        assert "small bird" in paid.content[0]["text"], paid.content
        assert paid.payment_response.success and paid.payment_response.transaction[:4] == "pay_"
        assert shop.calls == ["wren"], shop.calls
        assert before - shop.available(key) == PRICE_UNITS

        failed = await payer.call_tool("broken", {"word": "dodo"})
        assert failed.is_error, failed
        assert before - shop.available(key) == PRICE_UNITS, "a tool that fails costs nothing"


async def copies(shop):
    """Five copies of one paid call, under numbers of their own."""
    key = shop.payer()
    before = shop.available(key)
    payer = register_farthing(x402Client(), key)
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX) as http:

        async def post(number, **meta):
            params = {"name": "lookup", "arguments": {"word": "copy"}, **meta}
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            headers = {"accept": "application/json, text/event-stream"}
            answer = await http.post(shop.url, json=message, headers=headers)
            assert answer.status_code == 200 and answer.json()["id"] == number, answer.text
            return answer.json()["result"]

        required = await post(1)
        assert required["isError"], required
        from x402.schemas import parse_payment_required

        payload = await payer.create_payment_payload(
            parse_payment_required(required["structuredContent"])
        )
        payment = payload.model_dump(by_alias=True, exclude_none=True)
        meta = {"_meta": {"x402/payment": payment}}
        results = await asyncio.gather(*[post(number, **meta) for number in range(2, 7)])
        assert all(result["content"] == results[0]["content"] for result in results), results
        assert not any(result.get("isError") for result in results), results
        assert shop.calls.count("copy") == 1, shop.calls
        assert before - shop.available(key) == PRICE_UNITS


async def refusals(shop):
    called = len(shop.calls)
    headers = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
    call = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
        '"params":{"name":"lookup","arguments":{"word":"x"}}}'
    )
    hidden = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping",'
        '"params":{"name":"lookup","arguments":{"word":"x"}}}'
    )
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX) as http:
        for body, more in (
            (f"[{call}]", {}),
            (call.replace('"id":1,', ""), {}),
            (call, {"mcp-name": "hello"}),
            (call.replace("tools/call", "ping"), {"mcp-method": "tools/call"}),
            (call, {"content-encoding": "gzip"}),
            ("tools/call", {}),
        ):
            answer = await http.post(shop.url, content=body, headers={**headers, **more})
            assert answer.status_code in (400, 415), (body, more, answer.text)
            assert answer.json()["error"]["code"] == -32600, answer.text
        for url in (shop.url, shop.url + "/", shop.url.replace("/mcp", "/%6dcp")):
            await http.post(url, content=hidden, headers=headers)
            await http.post(url, content=call, headers=headers)
    assert len(shop.calls) == called, "a call of a priced tool went through unpaid"


def mpp_call(shop, key, tool, word):
    """What the client of pympp makes of a call."""
    with tempfile.TemporaryDirectory() as folder:
        wallet = pathlib.Path(folder) / "key.json"
        key.save(wallet)
        arguments = json.dumps({"word": word} if word else {})
        words = (MPP_PYTHON, HERE / "mpp_tool_payer.py", shop.url, wallet, tool, arguments)
        words = [str(word) for word in words]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def buys_by_mpp(shop):
    key = shop.payer()
    before = shop.available(key)
    free = mpp_call(shop, key, "hello", None)
    assert (free["text"], free["receipt"]) == ("hello", None), free
    assert free["takes"]["methods"] == ["farthing"], free
    offer = free["prices"]["lookup"]["x-payment-info"]["offers"][0]
    assert (offer["amount"], offer["intent"]) == (str(PRICE_UNITS), "charge"), offer
    assert free["prices"]["hello"] is None, free

    paid = mpp_call(shop, key, "lookup", "wren")
    assert "small bird" in paid["text"] and not paid["is_error"], paid
    receipt = paid["receipt"]
    assert (receipt["status"], receipt["method"]) == ("success", "farthing"), receipt
    assert receipt["reference"].startswith("pay_") and receipt["challengeId"], receipt
    assert shop.calls == ["wren"], shop.calls
    assert before - shop.available(key) == PRICE_UNITS

    failed = mpp_call(shop, key, "broken", "dodo")
    assert failed["is_error"] and failed["receipt"] is None, failed
    assert before - shop.available(key) == PRICE_UNITS, "a tool that fails costs nothing"

    poor = mpp_call(shop, PayerKey.generate(), "lookup", "wren")
    assert poor["error"] == "PaymentOutcomeUnknownError", poor
    assert poor["data"]["failure"]["reason"] == "insufficient_funds", poor
    assert shop.calls == ["wren", "dodo"], shop.calls


async def words(shop):
    """Which words a caller gets: a first call serves x402 and MPP alike, and broken credentials have
    an error of their own."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX) as http:

        async def post(headers=None, **meta):
            params = {"name": "lookup", "arguments": {"word": "x"}, "_meta": meta}
            message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
            accepts = {"accept": "application/json, text/event-stream"}
            answer = await http.post(shop.url, json=message, headers={**accepts, **(headers or {})})
            assert answer.status_code == 200, answer.text
            return answer.json()

        both = (await post())["result"]
        assert both["structuredContent"]["x402Version"] == 2, both
        for_mpp = both["_meta"]["org.paymentauth/payment-required"]["challenges"]
        # What the server's own authorization is, is no matter of payments in messages.
        asked = await post({"accept-payment": "farthing/charge", "authorization": "Bearer t"})
        assert asked["error"]["code"] == -32042, asked
        (challenge,) = asked["error"]["data"]["challenges"]
        assert [one["intent"] for one in for_mpp] == ["charge", "session"], for_mpp
        assert challenge["request"] == for_mpp[0]["request"] and "header" not in challenge

        for credential, code in (
            ("text", -32602),
            ({"challenge": challenge}, -32602),
            ({"challenge": {**challenge, "id": "AAAA"}, "payload": {}}, -32602),
        ):
            refused = await post(**{"org.paymentauth/credential": credential})
            assert refused["error"]["code"] == code, refused
            assert refused["error"]["data"]["challenges"], refused
    assert shop.calls == [], shop.calls


def case(run, **options):
    def started():
        with contextlib.ExitStack() as stack:
            asyncio.run(run(Shop(stack, **options)))

    return started


CASES = (
    ("mcp: the x402 client pays a tool of an MCP server behind the gateway", case(buys)),
    ("mcp: the pympp client pays a tool, and is told prices", case(buys_by_mpp)),
    ("mcp: the same for a server that answers in plain JSON", case(buys_by_mpp, json_response=True)),
    ("mcp: one answer in the words of x402 and MPP, errors for MPP", case(words)),
    ("mcp: five copies of a paid call execute and charge once", case(copies)),
    ("mcp: no way around a priced tool", case(refusals)),
)
