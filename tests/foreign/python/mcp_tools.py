"""The MCP client of the Python SDK finds, prices and pays for things through `farthing mcp`, over
standard input and output and over HTTP.

The client is other people's, unmodified; the wallet is one of this node with play money.
"""

import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import httpx
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from node import ANSWER_SECONDS_MAX, NODE, OFFERS, SITE

PROGRAM = os.environ["FARTHING_BIN"]
ARTICLE = SITE + OFFERS["article"]["path"]
QUOTE = SITE + OFFERS["call"]["path"]
TOOLS = {
    "find_offers",
    "get_price",
    "pay",
    "check_budget",
    "list_payments",
    "get_receipt",
}


class Wallet:
    """A new wallet file with play money, and what the program is started with."""

    def __init__(self, topped_up=True):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / "wallet.json"
        self.run("wallet", "new", "--node", NODE)
        if topped_up:
            self.run("wallet", "top-up")

    def run(self, *words):
        command = [PROGRAM, *words, "--wallet", str(self.path)]
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=ANSWER_SECONDS_MAX
        )
        return done.stdout

    def key(self):
        """The public key, 64 hex digits."""
        return re.search(r"\b[0-9a-f]{64}\b", self.run("wallet", "show")).group()

    def arguments(self, *more):
        return ["mcp", "--wallet", str(self.path), *more]

    def server(self, *more):
        return StdioServerParameters(command=PROGRAM, args=self.arguments(*more))


def answer(result):
    """The structured content of a call that must succeed."""
    assert not result.is_error, result.content
    return result.structured_content


def refusal(result):
    assert result.is_error and result.structured_content is None, result
    return json.loads(result.content[0].text)


async def buys_once(wallet):
    async with Client(wallet.server()) as client:
        listed = await client.list_tools()
        tools = {tool.name: tool for tool in listed.tools}
        assert set(tools) == TOOLS, set(tools)
        assert "SAME key" in tools["pay"].description
        assert tools["pay"].annotations.idempotent_hint

        found = answer(await client.call_tool("find_offers", {"query": "quotation"}))
        assert any(offer["url"].endswith("/api/quote") for offer in found["offers"]), found

        price = answer(await client.call_tool("get_price", {"url": ARTICLE}))
        assert (price["price"], price["asset"]) == ("0.002", "USD"), price
        before = answer(await client.call_tool("check_budget", {}))

        wanted = {"url": ARTICLE, "max_amount": "0.01", "purchase_key": "article-1"}
        calls = [client.call_tool("pay", wanted) for _ in range(5)]
        bought = [answer(result) for result in await asyncio.gather(*calls)]
        assert len({one["payment"] for one in bought}) == 1, bought
        assert len({one["content"] for one in bought}) == 1 and bought[0]["content"]
        after = answer(await client.call_tool("check_budget", {}))
        units = [int(float(one["available"].split()[0]) * 1e9 + 0.5) for one in (before, after)]
        assert units[0] - units[1] == 2_000_000, (before, after)

        payment = bought[0]["payment"]
        receipt = answer(await client.call_tool("get_receipt", {"payment": payment}))
        assert receipt["state"] == "settled" and receipt["signature_checked"], receipt
        listed = answer(await client.call_tool("list_payments", {}))
        assert [one["payment"] for one in listed["payments"]] == [payment], listed
    return payment


async def pays_again_after_a_restart(wallet, payment):
    async with Client(wallet.server()) as client:
        wanted = {"url": ARTICLE, "max_amount": "0.01", "purchase_key": "article-1"}
        again = answer(await client.call_tool("pay", wanted))
        assert again["payment"] == payment and again["content"], again
        other = {**wanted, "url": SITE + OFFERS["other_article"]["path"]}
        refused = refusal(await client.call_tool("pay", other))
        assert refused["code"] == "purchase_name_taken", refused
        new = {**wanted, "purchase_key": "article-1-again"}
        assert answer(await client.call_tool("pay", new))["payment"] != payment


async def posts(wallet):
    async with Client(wallet.server()) as client:
        wanted = {
            "url": QUOTE,
            "body": OFFERS["call"]["body"],
            "max_amount": "0.001",
            "purchase_key": "quote-1",
        }
        bought = answer(await client.call_tool("pay", wanted))
        assert bought["paid"] == "0.00001 USD", bought


async def keeps_to_limits(wallet):
    async with Client(wallet.server("--max", "0.001", "--max-in-all", "0.002")) as client:
        wanted = {"url": ARTICLE, "max_amount": "5", "purchase_key": "dear"}
        refused = refusal(await client.call_tool("pay", wanted))
        assert (refused["code"], refused["charged"]) == ("price_above_limit", "no"), refused
        wrong = {**wanted, "purchase_key": "two words"}
        assert refusal(await client.call_tool("pay", wrong))["param"] == "purchase_key"
        wrong = {**wanted, "max_amount": "a lot"}
        assert refusal(await client.call_tool("pay", wrong))["param"] == "max_amount"
    async with Client(wallet.server("--max", "0.01", "--max-in-all", "0.003")) as client:
        wanted = {"url": ARTICLE, "max_amount": "0.01"}
        answer(await client.call_tool("pay", {**wanted, "purchase_key": "first"}))
        refused = refusal(await client.call_tool("pay", {**wanted, "purchase_key": "second"}))
        assert refused["code"] == "not_approved", refused


def standard_streams():
    wallet = Wallet()
    payment = asyncio.run(buys_once(wallet))
    asyncio.run(pays_again_after_a_restart(wallet, payment))


def a_body_is_posted():
    asyncio.run(posts(Wallet()))


def limits():
    asyncio.run(keeps_to_limits(Wallet()))


class HttpServer:
    """`farthing mcp --http` on a free port."""

    def __init__(self, wallet):
        # Its folder lives as long as it does.
        self.wallet = wallet
        token = pathlib.Path(wallet.folder.name) / "mcp.token"
        arguments = wallet.arguments("--http", "127.0.0.1:0", "--token-file", str(token))
        self.process = subprocess.Popen(
            [PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=sys.stderr, text=True
        )
        self.url = self.process.stdout.readline().split()[-1]
        self.process.stdout.readline()
        self.token = token.read_text().strip()

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=ANSWER_SECONDS_MAX)


async def pays_under_a_mandate(agent, mandate, owner):
    async with Client(agent.server("--mandate", str(mandate))) as client:
        before = answer(await client.call_tool("check_budget", {}))
        assert before["account"] is None, before
        assert (before["mandate_left"], before["mandate_state"]) == ("0.005 USD", "good"), before
        wanted = {"url": ARTICLE, "max_amount": "0.01"}
        for key in ("first", "second"):
            answer(await client.call_tool("pay", {**wanted, "purchase_key": key}))
        after = answer(await client.call_tool("check_budget", {}))
        assert after["mandate_left"] == "0.001 USD", after
        refused = refusal(await client.call_tool("pay", {**wanted, "purchase_key": "third"}))
        assert refused["charged"] == "no", refused
        assert refused["code"] == "mandate_exceeded", refused
        owner.run("mandate", "pause", before["mandate"])
        assert answer(await client.call_tool("check_budget", {}))["mandate_state"] == "paused"


def a_mandate():
    owner, agent = Wallet(), Wallet(topped_up=False)
    mandate = pathlib.Path(agent.folder.name) / "agent.mandate"
    limits = ("--total", "0.005", "--days", "1")
    owner.run("mandate", "new", "--delegate", agent.key(), "-o", str(mandate), *limits)
    asyncio.run(pays_under_a_mandate(agent, mandate, owner))


async def over_http(server):
    headers = {"authorization": f"Bearer {server.token}"}
    async with httpx.AsyncClient(headers=headers, timeout=ANSWER_SECONDS_MAX) as http:
        transport = streamable_http_client(server.url, http_client=http)
        async with Client(transport) as client:
            listed = await client.list_tools()
            assert {tool.name for tool in listed.tools} == TOOLS
            wanted = {"url": ARTICLE, "max_amount": "0.01", "purchase_key": "over-http"}
            first = answer(await client.call_tool("pay", wanted))
            second = answer(await client.call_tool("pay", wanted))
            assert first["payment"] == second["payment"]


def streamable_http():
    server = HttpServer(Wallet())
    try:
        asyncio.run(over_http(server))
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        accepts = {"accept": "application/json, text/event-stream"}
        unsigned = httpx.post(server.url, json=body, headers=accepts)
        assert unsigned.status_code == 401, unsigned.text
        shown = {**accepts, "authorization": f"Bearer {server.token}"}
        elsewhere = httpx.post(server.url, json=body, headers={**shown, "host": "evil.example"})
        assert elsewhere.status_code in (403, 421), elsewhere.status_code
        page = httpx.post(server.url, json=body, headers={**shown, "origin": "https://evil.example"})
        assert page.status_code == 403, page.status_code
    finally:
        server.close()


CASES = (
    ("mcp: five parallel calls with one key buy once, over standard streams", standard_streams),
    ("mcp: a tool posts a body", a_body_is_posted),
    ("mcp: limits of call and server hold", limits),
    ("mcp: an agent pays under a mandate, to its end and until it is paused", a_mandate),
    ("mcp: the tools over streamable HTTP, with token, host and origin checked", streamable_http),
)
