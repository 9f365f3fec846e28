"""What the cases of the log share: aics-tlog, the program under test, static hosts, receipts.

What a leaf is, is computed here from the description of the formats, with nothing but SHA-256.
"""

import base64
import contextlib
import functools
import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import threading
import time

import httpx
from node import ANSWER_SECONDS_MAX, HERE, NODE

FARTHING = os.environ.get("FARTHING_BIN", "farthing")
TOOLS = HERE.parents[2] / "target" / "venv-log" / "bin"
RUN_SECONDS_MAX = 120
ROUND_SECONDS_MAX = 30
REFUSED = 5


def run(*command, **options):
    """Exit code, standard output, standard error."""
    words = [str(word) for word in command]
    options = {"capture_output": True, "text": True, "timeout": RUN_SECONDS_MAX, **options}
    done = subprocess.run(words, check=False, **options)
    return done.returncode, done.stdout, done.stderr


def tlog(*command, good=True):
    """What aics-tlog says; it must accept, or with `good=False` refuse."""
    code, out, err = run(TOOLS / "aics-tlog", *command)
    assert code == (0 if good else 1), f"{command}: exit {code}: {out}{err}"
    said = json.loads(out)
    assert said["ok"] is good, out
    return said


def farthing(*command):
    """The result of a command that must succeed."""
    code, out, err = run(FARTHING, *command)
    assert code == 0, f"{command}: exit {code}: {out}{err}"
    return out


def refused(word, *command):
    """The command must find what `word` names."""
    code, out, err = run(FARTHING, *command)
    assert code == REFUSED and word in err, f"{command}: exit {code}: {out}{err}"


def policy(node=NODE):
    """The node's policy as text, and the key of its log."""
    answer = httpx.get(node + "/log/policy", timeout=ANSWER_SECONDS_MAX)
    assert answer.status_code == 200, answer.text
    return answer.text, answer.text.split()[1]


def log_facts(node=NODE):
    return httpx.get(node + "/v1/log", timeout=ANSWER_SECONDS_MAX).json()


def wait_for(what, node=NODE):
    """The facts of a node's log as soon as `what` holds of them."""
    deadline = time.monotonic() + ROUND_SECONDS_MAX
    while True:
        facts = log_facts(node)
        if what(facts):
            return facts
        assert time.monotonic() < deadline, f"it does not come about: {facts}"
        time.sleep(0.1)


def is_published(facts):
    """Everything is published."""
    return bool(facts["published"]) and facts["published"]["size"] == facts["size"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and tells nobody."""

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    """Clients that find damage go away before the end."""

    def handle_error(self, *_):
        pass


@contextlib.contextmanager
def static_host(folder):
    """The URL of a host that serves a folder and knows nothing of logs."""
    handler = functools.partial(Quiet, directory=str(folder))
    with QuietServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def files(folder):
    """Every file below a folder, by its path within it."""
    folder = pathlib.Path(folder)
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def flip(path, at):
    """Changes one bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


class Receipt:
    """A `.tlog-proof` taken apart."""

    def __init__(self, text):
        head, self.note = text.split("\n\n", 1)
        first, extra, index, *self.hashes = head.split("\n")
        assert first == "c2sp.org/tlog-proof@v1", first
        self.opening = base64.b64decode(extra.removeprefix("extra "), validate=True)
        self.index = int(index.removeprefix("index "))
        self.origin, size, self.root = self.note.split("\n")[:3]
        self.size = int(size)

    def entry(self):
        """The bytes of the leaf, recomputed from the opening."""
        version, mask = self.opening[:2]
        assert version == 1
        facts, rest = self.opening[2:104], self.opening[104:]
        postings = []
        for bit in (1, 2):
            if mask & bit:
                opened, rest = rest[:40], rest[40:]
                postings.append(hashlib.sha256(b"farthing/side/1" + opened).digest())
            else:
                postings.append(rest[:32])
                rest = rest[32:]
        assert rest == b""
        commitment = hashlib.sha256(b"farthing/leaf/1" + b"".join(postings) + facts).digest()
        return b"\x01" + commitment
