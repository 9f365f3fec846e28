"""Test tools of others, unmodified: x402conf, hostile-facilitator, agent-security-harness."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

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


def security_harness():
    """A smoke test: the tool speaks a dialect of its own and never pays."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        module = (sys.executable, "-m", "protocol_tests.x402_harness")
        target = ("--url", SITE, "--paid-path", ARTICLE, "--report", str(report))
        _, out, err = _run(*module, *target)
        assert report.exists(), f"{out}{err}"
        results = json.loads(report.read_text())["results"]
    failed = {r["test_id"] for r in results if not r["passed"] and not r["not_evaluated"]}
    open_ = sorted(r["test_id"] for r in results if r["not_evaluated"])
    passed = len(results) - len(failed) - len(open_)
    print(f"        {passed} pass, {len(failed)} fail {sorted(failed)}, inconclusive {open_}")
    assert len(results) >= 50, f"only {len(results)} results"
    unexpected = sorted(failed - HARNESS_MISSES.keys())
    details = [r for r in results if r["test_id"] in unexpected]
    assert not unexpected, json.dumps(details, indent=1)


CASES = [
    ("x402conf resource", conformance_resource),
    ("x402conf live", conformance_live),
    ("hostile-facilitator finds no double payment", hostile_facilitator),
    ("agent-security-harness smoke test", security_harness),
]
