"""aics-tlog checks the log of the running node: over HTTP, from an exported folder, from receipts."""

import contextlib
import pathlib
import tempfile

import httpx
from clients import check_paid
from farthing_x402 import register_farthing
from log_tools import Receipt, farthing, files, flip, is_published, policy, refused, tlog, wait_for
from node import ANSWER_SECONDS_MAX, NODE, OFFERS, SITE, available, decode, new_payer
from x402 import x402ClientSync
from x402.http.clients import x402_requests

ENTRY_BYTES = 33
TILE_WIDTH = 256


def buy():
    """The id of a payment."""
    key = new_payer()
    before = available(key)
    with x402_requests(register_farthing(x402ClientSync(), key)) as http:
        response = http.get(SITE + OFFERS["article"]["path"])
    check_paid(key, before, response)
    return decode(response.headers["payment-response"])["transaction"]


def receipt_text(payment, node=NODE):
    answer = httpx.get(f"{node}/v1/receipts/{payment}/proof", timeout=ANSWER_SECONDS_MAX)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return answer.text


@contextlib.contextmanager
def world():
    """A folder, the key got out of band, and the two places of the log: node and mirror."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _, key = policy()
        (folder / "key").write_text(key)
        wait_for(is_published)
        mirror = folder / "mirror"
        farthing("log", "export", "--node", NODE, "--to", mirror, "--log", key)
        farthing("log", "verify", mirror, "--log", key)
        yield folder, key, (f"{NODE}/log", mirror)


def checkpoint():
    buy()
    with world() as (folder, key, places):
        for place in places:
            said = tlog(
                *("verify-checkpoint", "--tiles", place, "--vkey-file", folder / "key"),
                *("--origin", key.split("+")[0]),
            )
            assert said["log_ok"] and said["tiles_ok"] and said["size"] > 0, said
            other = key.split("+")[0] + "x"
            wanted = ("--tiles", place, "--vkey-file", folder / "key", "--origin", other)
            tlog("verify-checkpoint", *wanted, good=False)


def inclusion_of_a_payment():
    receipt = Receipt(receipt_text(buy()))
    wait_for(lambda facts: facts["published"] and facts["published"]["size"] > receipt.index)
    with world() as (folder, _, places):
        leaf = folder / "leaf"
        leaf.write_bytes(receipt.entry())
        for place in places:
            wanted = ("--tiles", place, "--vkey-file", folder / "key", "--index", receipt.index)
            tlog("verify-inclusion", *wanted, "--leaf", leaf, "--entry-out", folder / "entry")
            assert (folder / "entry").read_bytes() == receipt.entry()
            # Another leaf is not there.
            (folder / "other").write_bytes(bytes(ENTRY_BYTES))
            tlog("verify-inclusion", *wanted, "--leaf", folder / "other", good=False)


def receipt_alone():
    text = receipt_text(buy())
    receipt = Receipt(text)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _, key = policy()
        (folder / "leaf").write_bytes(receipt.entry())
        (folder / "note").write_text(receipt.note)
        (folder / "proof").write_text("".join(line + "\n" for line in receipt.hashes))
        tlog("verify-checkpoint", "--note", folder / "note", "--log-key", key)
        wanted = [
            *("verify-inclusion", "--leaf", folder / "leaf", "--index", receipt.index),
            *("--size", receipt.size, "--root", receipt.root, "--proof", folder / "proof"),
        ]
        tlog(*wanted)
        flip(folder / "leaf", 20)
        tlog(*wanted, good=False)
        # Our own program says the same of the whole file.
        path = folder / "receipt"
        path.write_text(text)
        said = farthing("verify", "receipt", path, "--log", key)
        assert f"is entry {receipt.index} of its log of {receipt.size} entries" in said, said
        path.write_text(text.replace("index ", "index 1"))
        refused("receipt_", "verify", "receipt", path, "--log", key)


def consistency():
    with world() as (folder, key, places):
        old = folder / "old"
        said = tlog(
            *("verify-checkpoint", "--tiles", places[0], "--vkey-file", folder / "key"),
            *("--save-checkpoint", old),
        )
        payment = Receipt(receipt_text(buy()))
        wait_for(lambda facts: facts["published"] and facts["published"]["size"] > payment.index)
        done = farthing("log", "export", "--node", NODE, "--to", places[1], "--log", key)
        assert '"old_size":"0"' not in done, done
        # The checkpoint of a receipt is one of the same history, published or not.
        (folder / "receipt").write_text(payment.note)
        for place in places:
            wanted = ("--tiles", place, "--vkey-file", folder / "key", "--old-checkpoint")
            grown = tlog("verify-consistency", *wanted, old)
            assert grown["old_size"] == said["size"] < grown["new_size"], grown
            tlog("verify-consistency", *wanted, folder / "receipt")


def bundle_offline():
    with world() as (folder, _, places):
        for place in places:
            tlog(
                *("verify-inclusion", "--tiles", place, "--vkey-file", folder / "key"),
                *("--index", 0, "--bundle-out", folder / "bundle"),
            )
            wanted = ("--bundle", folder / "bundle", "--vkey-file", folder / "key")
            tlog("verify-bundle", "--offline", *wanted)
            flip(folder / "bundle", 100)
            tlog("verify-bundle", "--offline", *wanted, good=False)


def damage_of_the_mirror():
    """Every file of the exported folder is looked at, by both."""
    with world() as (folder, key, (_, mirror)):
        whole = files(mirror)
        check = ("log", "verify", mirror, "--log", key)
        for path in whole:
            flip(mirror / path, 2)
            # One leaf whose proof needs the file.
            layer, place = ("1", "000") if path == "checkpoint" else path.split("/")[1:3]
            leaf = 0 if layer == "1" else int(place.removesuffix(".p")) * TILE_WIDTH
            refused("", *check)
            found = tlog(
                *("verify-inclusion", "--tiles", mirror, "--vkey-file", folder / "key"),
                *("--index", leaf, "--entry-out", folder / "entry"),
                good=False,
            )
            assert found["error"], found
            (mirror / path).write_bytes(whole[path])
        farthing(*check)


CASES = [
    ("aics-tlog accepts the checkpoint of the node and of its mirror", checkpoint),
    ("aics-tlog finds a payment in the log", inclusion_of_a_payment),
    ("aics-tlog accepts a receipt without the log", receipt_alone),
    ("aics-tlog sees that the log has only grown", consistency),
    ("aics-tlog makes and accepts an offline bundle", bundle_offline),
    ("aics-tlog and log verify find damage in a mirror", damage_of_the_mirror),
]
