"""Test tools of others, unmodified: x402conf, hostile-facilitator, agent-security-harness."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from mcp_sellers import Shop
from mcp_tools import HttpServer, Wallet
from node import HERE, NODE, OFFERS, SITE

RUN_SECONDS_MAX = 300
ARTICLE = OFFERS["article"]["path"]

HARNESS_MISSES = {
    # The tool expects headers that no x402 version has, and an attestation scheme of one vendor.
    "X4-001": "wants X-Payment-* headers on the 402; x402 has PAYMENT-REQUIRED",
    "X4-004": "wants X-Payment-Recipient: 0x + 40 hex digits; our payees are acc_ ids",
    "X4-010": "takes any 64 hex digits for a private key; extra.purchase is a public digest",
    "X4-021": "wants an operator attestation header (OATR), which x402 does not have",
    "X4-022": "as X4-021",
    "X4-023": "as X4-021",
}
MCP_HARNESS_MISSES = {
    "MCP-008": "wants answers to notifications, which JSON-RPC 2.0 forbids (section 4.1)",
    "MCP-015": "takes a refusal that names the address it was given for what stands there",
    "MCP-018": "the oversized body is refused and the connection closed while the tool still writes",
}
GATEWAY_HARNESS_MISSES = {test: MCP_HARNESS_MISSES[test] for test in ("MCP-008", "MCP-018")}


def _run(*command):
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False
    )
    return result.returncode, result.stdout, result.stderr


def _tool(name):
    """A console script beside this Python."""
    return str(pathlib.Path(sys.executable).with_name(name))


def _conformance(command, url):
    code, out, err = _run(_tool("x402conf"), command, url, "--fail-on-error")
    checks = [check for run in json.loads(out)["results"] for check in run["checks"]]
    misses = [check["check"] for check in checks if not check["pass"]]
    assert code == 0 and checks and not misses, f"exit {code}: {misses}\n{out}{err}"
    return [check["check"].split()[0] for check in checks]


def conformance_resource():
    seen = _conformance("resource", SITE + ARTICLE)
    assert seen == ["P1", "P2", "P6", "P3", "P4", "P5", "P7"], seen


def conformance_live():
    seen = _conformance("live", NODE)
    assert seen == ["S1", "S2", "S3", "S4"], seen


def hostile_facilitator():
    """`farthing pay` through a seller whose facilitator fails after it has taken the money."""
    assert os.environ.get("FARTHING_BIN"), "FARTHING_BIN is not set"
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        options = ("--client-timeout", "2", "--json", str(report))
        purchase = (sys.executable, str(HERE / "pay_once.py"))
        code, out, err = _run(_tool("hostile-facilitator"), "test", *options, "--", *purchase)
        assert report.exists(), f"exit {code}: {out}{err}"
        summary = json.loads(report.read_text())["summary"]
    assert code == 0 and summary["verdict"] == "PASS", f"exit {code}: {out}{err}"
    assert summary["safe"] == summary["total"] == 10, summary


def _harness(suite, *target, results_min):
    """Runs a suite of the harness; returns what failed, with details, and prints the score."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        module = (sys.executable, "-m", f"protocol_tests.{suite}")
        _, out, err = _run(*module, *target, "--report", str(report))
        assert report.exists(), f"{out}{err}"
        results = json.loads(report.read_text())["results"]
    failed = {r["test_id"]: r for r in results if not r["passed"] and not r["not_evaluated"]}
    open_ = sorted(r["test_id"] for r in results if r["not_evaluated"])
    passed = len(results) - len(failed) - len(open_)
    print(f"        {passed} pass, {len(failed)} fail {sorted(failed)}, inconclusive {open_}")
    assert len(results) >= results_min, f"only {len(results)} results"
    return failed, passed


def _only(failed, misses):
    unexpected = [result for test, result in failed.items() if test not in misses]
    assert not unexpected, json.dumps(unexpected, indent=1)


def security_harness():
    """A smoke test: the tool speaks a dialect of its own and never pays."""
    failed, _ = _harness(
        "x402_harness", "--url", SITE, "--paid-path", ARTICLE, results_min=50
    )
    _only(failed, HARNESS_MISSES)


def harness_of_the_wallet():
    """The tools for agents, over HTTP in both versions of the protocol."""
    server = HttpServer(Wallet())
    try:
        token = ("--header", f"Authorization:Bearer {server.token}")
        target = ("--transport", "http", "--url", server.url, *token)
        for version in ("auto", "2026-07-28"):
            failed, passed = _harness(
                "mcp_harness", *target, "--protocol-version", version, results_min=34
            )
            _only(failed, MCP_HARNESS_MISSES)
            assert passed >= 13, passed
    finally:
        server.close()


def harness_of_the_gateway():
    """A server of the Python SDK with priced tools behind the gateway."""
    with contextlib.ExitStack() as stack:
        shop = Shop(stack)
        target = ("--transport", "http", "--url")
        failed, passed = _harness("mcp_harness", *target, shop.url, results_min=34)
        _only(failed, GATEWAY_HARNESS_MISSES)
        assert passed >= 11, passed
        assert shop.calls == [], "a priced tool was called unpaid"


CASES = [
    ("x402conf resource", conformance_resource),
    ("x402conf live", conformance_live),
    ("hostile-facilitator finds no double payment", hostile_facilitator),
    ("agent-security-harness smoke test", security_harness),
    ("agent-security-harness: the tools for agents", harness_of_the_wallet),
    ("agent-security-harness: priced tools behind the gateway", harness_of_the_gateway),
]
