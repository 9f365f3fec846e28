"""Prometheus' own tool reads what a running node and a gateway apart from it tell, and every metric of the
reference is there but those of parts that this node does not have."""

import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("FARTHING_BIN", ROOT / "target/release/farthing"))

CONFIG = """
[node]
listen = "127.0.0.1:0"

[metrics]
listen = "127.0.0.1:0"

[[asset]]
code = "USD"

[[payee]]
name = "author"

[[gateway]]
listen = "127.0.0.1:0"
upstream = "http://127.0.0.1:9"
service_name = "Shop"

[[gateway.offer]]
path = "/paid"
price = "0.01"
pay_to = "author"
"""

# Without witnesses nobody has cosigned a checkpoint, without TLS nothing expires, and a young node has
# no snapshot yet.
ABSENT = {
    "farthing_certificate_expires_seconds",
    "farthing_certificate_refused",
    "farthing_log_witness_leaves",
    "farthing_snapshot_age_seconds",
}


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code


def checked(url):
    """The page, after promtool took it without a word."""
    page = get(url)
    done = subprocess.run(["promtool", "check", "metrics"], input=page, text=True, capture_output=True)
    if done.returncode or done.stderr.strip():
        sys.exit(f"promtool: {done.stdout}{done.stderr}\n{page}")
    return page


def started(folder, *line):
    """The addresses that it says: metrics on standard error, sites and node on standard output."""
    errors = open(folder / "errors", "w+")
    process = subprocess.Popen([BINARY, *line], cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True)
    said = {}
    for line in process.stdout:
        name, *words = line.split()
        said[name] = words[0]
        if name == "site":
            break
    errors.seek(0)
    said["metrics"] = re.search(r"metrics at (\S+)", errors.read())[1]
    return process, said


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "farthing.toml").write_text(CONFIG)
        node, said = started(folder, "serve", "--data", "data")
        gateway = None
        try:
            assert get(f"{said['site']}/paid") == 402 and get(f"{said['site']}/free") == 502
            assert get(f"{said['node']}/metrics") == 401, "the node's own port asks for a token"
            page = checked(said["metrics"])
            token = (folder / "data/gateway.token").read_text()
            (folder / "token").write_text(token)
            (folder / "token").chmod(0o600)
            config = ("--config", "farthing.toml", "--token-file", "token")
            gateway, apart = started(folder, "gateway", "--node", said["node"], *config)
            assert get(f"{apart['site']}/paid") == 402
            page_apart = checked(apart["metrics"])
        finally:
            for process in filter(None, (node, gateway)):
                process.terminate()
                process.wait(30)
    told = set(re.findall(r"^# TYPE (\w+) ", page, re.M))
    reference = (ROOT / "docs/reference/metrics.md").read_text()
    listed = set(re.findall(r"^\| `(\w+)` \|", reference, re.M))
    assert told <= listed, f"not in the reference: {told - listed}"
    missing = listed - told - ABSENT
    optional = {name for name in missing if name.startswith(("farthing_webhook_", "farthing_report_"))}
    assert missing == optional, f"not told: {missing - optional}"
    for outcome, count in (("asked", 1), ("failed", 1), ("paid", 0)):
        line = f'farthing_gateway_requests_total{{site="Shop",outcome="{outcome}"}} {count}'
        assert line in page.splitlines(), line
    assert 'outcome="asked"} 1' in page_apart and "farthing_payments_total" not in page_apart
    print(f"{len(told)} metrics of a node, {page_apart.count('# TYPE')} of a gateway apart")


if __name__ == "__main__":
    main()
