"""A node with two witnesses: aics-witness and our own, each a process of its own.

The node's folder is set back once: a witness of others remembers what the node has forgotten.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import httpx
from farthing_x402 import PayerKey
from log_tools import (
    FARTHING,
    TOOLS,
    farthing,
    is_published,
    log_facts,
    policy,
    refused,
    run,
    tlog,
    wait_for,
)
from node import ANSWER_SECONDS_MAX

START_SECONDS_MAX = 30
NAMES = ["witness.example/foreign", "witness.example/own"]


def free_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def answers(url):
    """Whether somebody listens there."""
    try:
        httpx.get(url, timeout=1)
    except httpx.TransportError:
        return False
    return True


@contextlib.contextmanager
def process(url, *command, **environment):
    """A server that answers at a URL. It is gone at the end, and heard if something went wrong."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as said:
        env = {**os.environ, **environment}
        started = subprocess.Popen(words, env=env, stdout=said, stderr=said)
        try:
            deadline = time.monotonic() + START_SECONDS_MAX
            while not answers(url):
                assert started.poll() is None, f"{words} has ended: {started.returncode}"
                assert time.monotonic() < deadline, f"{words} does not answer"
                time.sleep(0.05)
            yield
        except BaseException:
            said.seek(0)
            print(f"{words} said:\n{said.read()}", flush=True)
            raise
        finally:
            started.terminate()
            try:
                started.wait(START_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


class World:
    """The folders, ports and keys."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.node = f"http://127.0.0.1:{free_port()}"
        self.witnesses = [f"http://127.0.0.1:{free_port()}" for _ in NAMES]
        with self.running(witnesses=[]):
            _, self.key = policy(self.node)
        (self.folder / "key").write_text(self.key)
        settings = str(self.folder / "foreign.json")
        self.foreign = {"AICS_WITNESS_CONFIG": settings}
        listen = self.witnesses[0].removeprefix("http://")
        vkey = self.foreign_witness("init", "--name", NAMES[0], "--listen", listen)
        origin = self.key.split("+")[0]
        self.foreign_witness("add-log", "--origin", origin, "--vkey", self.key)
        self.own = ("--data", self.folder / "own", "--name", NAMES[1])
        self.vkeys = [vkey, farthing("witness", *self.own, "--print-key").strip()]

    def foreign_witness(self, *command):
        env = {**os.environ, **self.foreign}
        code, out, err = run(TOOLS / "aics-witness", *command, env=env)
        assert code == 0, f"{command}: exit {code}: {out}{err}"
        return out.strip()

    def running(self, witnesses):
        """The node, with some of the witnesses, all of which must cosign."""
        sections = "".join(
            f'[[log.witnesses]]\nvkey = "{self.vkeys[at]}"\nurl = "{self.witnesses[at]}"\n'
            for at in witnesses
        )
        (self.folder / "node.toml").write_text(
            f'[node]\nlisten = "{self.node.removeprefix("http://")}"\n'
            f'data = "{self.folder / "data"}"\n'
            '[[asset]]\ncode = "USD"\nsandbox = true\n'
            f'[log]\norigin = "pay.example/log"\nquorum = {len(witnesses)}\n{sections}'
        )
        command = (FARTHING, "serve", "--config", self.folder / "node.toml")
        return process(self.node + "/v1/node", *command)

    @contextlib.contextmanager
    def both_witnesses(self):
        listen = self.witnesses[1].removeprefix("http://")
        own = ("witness", *self.own, "--listen", listen, "--log", self.key)
        foreign = (TOOLS / "aics-witness", "serve")
        with process(self.witnesses[0], *foreign, **self.foreign):
            with process(self.witnesses[1] + "/healthz", FARTHING, *own):
                yield

    def grow(self):
        """A new payer with play money: two leaves."""
        key = PayerKey.generate().public_key.hex()
        answer = httpx.post(
            self.node + "/v1/faucet", json={"key": key}, timeout=ANSWER_SECONDS_MAX
        )
        assert answer.is_success, answer.text

    def cosigned(self, more_than=0):
        """Waits for a checkpoint of everything with both cosignatures."""

        def is_cosigned(facts):
            is_larger = is_published(facts) and facts["size"] > more_than
            return is_larger and self.signatures() == {"pay.example/log", *NAMES}

        return wait_for(is_cosigned, self.node)["size"]

    def signatures(self):
        note = httpx.get(self.node + "/log/checkpoint", timeout=ANSWER_SECONDS_MAX).text
        lines = note.split("\n\n", 1)[1].splitlines()
        return {line.split(" ")[1] for line in lines}

    def check(self, quorum, good=True):
        witnesses = [word for vkey in self.vkeys for word in ("--witness-key", vkey)]
        return tlog(
            *("verify-checkpoint", "--tiles", self.node + "/log"),
            *("--vkey-file", self.folder / "key", *witnesses, "--quorum", quorum),
            *("--max-age", 3_600),
            good=good,
        )

def both_cosign():
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as witnesses:
        world = World(name)
        witnesses.enter_context(world.both_witnesses())
        with world.running([0, 1]):
            size = world.cosigned()
            for _ in range(3):
                world.grow()
                size = world.cosigned(more_than=size)
            said = world.check(2)
            assert said["cosignatures"] == 2 and said["size"] == size, said
            pinned = world.folder / "policy"
            pinned.write_text(policy(world.node)[0])
            export = ("log", "export", "--node", world.node, "--to", world.folder / "copy")
            farthing(*export, "--policy", pinned)
            farthing("log", "verify", world.folder / "copy", "--policy", pinned)
            one_is_enough_for_quorum_1(world, said)
            # Without them the log goes on, and whoever asks for them is not fooled.
            witnesses.close()
            world.grow()
            wait_for(lambda facts: is_published(facts) and facts["size"] > size, world.node)
            assert world.signatures() == {"pay.example/log"}
            world.check(0)
            world.check(1, good=False)
            refused("(quorum_unmet)", *export, "--policy", pinned)


def one_is_enough_for_quorum_1(world, said):
    """Each witness by itself satisfies aics-tlog."""
    for vkey in world.vkeys:
        alone = tlog(
            *("verify-checkpoint", "--tiles", world.node + "/log", "--quorum", 1),
            *("--vkey-file", world.folder / "key", "--witness-key", vkey),
        )
        assert alone["cosignatures"] == 1 and alone["size"] >= said["size"], alone

def a_folder_that_was_set_back():
    with tempfile.TemporaryDirectory() as name:
        world = World(name)
        data = world.folder / "data"
        with world.both_witnesses():
            with world.running([0, 1]):
                world.grow()
                old = world.cosigned()
            shutil.copytree(data, world.folder / "backup")
            with world.running([0, 1]):
                world.grow()
                new = world.cosigned(more_than=old)
            shutil.rmtree(data)
            shutil.copytree(world.folder / "backup", data)
            with world.running([0, 1]):
                halted = wait_for(lambda facts: facts["halted"], world.node)
                assert halted["size"] < new, halted
                # Money goes on, the log does not.
                world.grow()
                world.grow()
                world.grow()
                time.sleep(2)
                assert log_facts(world.node)["halted"]
                note = httpx.get(world.node + "/log/checkpoint", timeout=ANSWER_SECONDS_MAX)
                assert note.status_code != 200 or int(note.text.split("\n")[1]) <= old, note.text

CASES = [
    ("aics-witness and farthing witness cosign, aics-tlog sees both", both_cosign),
    ("a node that was set back is stopped by its witnesses", a_folder_that_was_set_back),
]
