"""Two emitters, two verifiers: trees of ours and of aics-tlog byte for byte, and logs that lie.

`log_of_lines` is an example of our crate: it signs what it is told, so it can fork.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from log_tools import FARTHING, farthing, files, flip, refused, run, static_host, tlog

EMITTER = os.path.join(os.path.dirname(FARTHING), "examples", "log_of_lines")
ORIGIN = "ledger.example/log1"
SEED = "7"
KEY = "ledger.example/log1+654be5a4+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
ROOT_OF_70_000 = "hQIOOXPNj7om5+DomR7pWz1j53MevOBShpfNK53ovmc="
KILL_MS = [20, 50, 100, 200, 350, 500]
SIZES = [255, 256, 257, 65_535, 65_536, 70_000]


def lines(count, first=1):
    return [f"leaf-{number}" for number in range(first, first + count)]


def emit(folder, entries):
    """Our log of these entries."""
    source = folder.with_suffix(".lines")
    source.write_text("".join(entry + "\n" for entry in entries))
    code, out, err = run(EMITTER, source, folder, ORIGIN, SEED)
    assert code == 0 and out.strip() == KEY, f"exit {code}: {out}{err}"
    return source


def same_bytes():
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            source = emit(folder / "ours", lines(size))
            built = tlog("build-tiles", "--leaves", source, "--out", folder / "theirs")
            assert built["size"] == size
            assert size != 70_000 or built["root"] == ROOT_OF_70_000
            ours, theirs = files(folder / "ours"), files(folder / "theirs")
            signed = ours["checkpoint"]
            assert signed.split(b"\n")[2].decode() == built["root"]
            assert len(theirs) == built["tiles"]
            # What is exported is what was emitted.
            with static_host(folder / "ours") as url:
                farthing("log", "export", "--prefix", url, "--to", folder / "copy", "--log", KEY)
            assert files(folder / "copy") == ours
            assert ours == {**theirs, "checkpoint": signed}, f"{size} entries"


def same_growth():
    """A mirror that follows a log has the files of a tree that is appended to."""
    sizes = [1, 255, 256, 300, 600, 65_536, 65_800]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        before = 0
        for size in sizes:
            emit(folder / "log", lines(size))
            with static_host(folder / "log") as url:
                farthing("log", "export", "--prefix", url, "--to", folder / "copy", "--log", KEY)
            more = folder / "more"
            more.write_text("".join(e + "\n" for e in lines(size - before, before + 1)))
            added = ("--out", folder / "theirs", "--size", before, "--leaves", more)
            tlog("append-tiles", *added, "--no-fsync")
            copied = files(folder / "copy")
            signed = {"checkpoint": copied["checkpoint"]}
            appended = files(folder / "theirs")
            assert copied == {**appended, **signed}, (
                f"{size}: {sorted(copied.keys() ^ appended.keys())}"
            )
            before = size


@contextlib.contextmanager
def followed(size):
    """A log of 1,000 leaves, or another, and a mirror of its first `size`, which is trusted."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "key").write_text(KEY)
        emit(folder / "old", lines(size))
        with static_host(folder / "old") as url:
            farthing("log", "export", "--prefix", url, "--to", folder / "copy", "--log", KEY)
        emit(folder / "log", lines(1_000))
        yield folder


def caught(folder, code, *command):
    """Both refuse; the mirror stays as it was."""
    tlog(*command, "--vkey-file", folder / "key", "--tiles", folder / "log", good=False)
    before = files(folder / "copy")
    with static_host(folder / "log") as url:
        tlog(*command, "--vkey-file", folder / "key", "--tiles", url, good=False)
        refused(
            f"({code})",
            *("log", "export", "--prefix", url, "--to", folder / "copy", "--log", KEY),
        )
    assert files(folder / "copy") == before


def flipped():
    for path, at, code in [
        ("tile/entries/001", 5, "log_entry_damaged"),
        ("tile/entries/001", 1, "log_bundle_damaged"),
        ("tile/0/001", 8_191, "log_tile_damaged"),
        ("tile/1/000.p/3", 40, "log_root_mismatch"),
    ]:
        with followed(200) as folder:
            entry = ("--index", 300, "--entry-out", folder / "entry")
            flip(folder / "log" / path, at)
            caught(folder, code, "verify-inclusion", *entry)
            refused(f"({code})", "log", "verify", folder / "log", "--log", KEY)
            flip(folder / "log" / path, at)
            (folder / "log" / path).unlink()
            caught(folder, "log_tile_missing", "verify-inclusion", *entry)


def dropped_from_the_files():
    with followed(200) as folder:
        for path in ("tile/0/003.p/232", "tile/entries/003.p/232"):
            path = folder / "log" / path
            lost = 32 if "/0/" in str(path) else 2 + len("leaf-1000")
            path.write_bytes(path.read_bytes()[:-lost])
        last = ("--index", 999, "--entry-out", folder / "entry")
        caught(folder, "log_tile_damaged", "verify-inclusion", *last)
        refused("(log_tile_damaged)", "log", "verify", folder / "log", "--log", KEY)


def forked():
    dropped = lines(1_000)
    del dropped[500]
    altered = lines(1_000)
    altered[500] = "leaf-of-another-history"
    shorter = altered[:700]
    for entries in (dropped, altered, shorter):
        with followed(700) as folder:
            shutil.rmtree(folder / "log")
            emit(folder / "log", entries)
            # The fork itself is a sound log: only who remembers sees it.
            farthing("log", "verify", folder / "log", "--log", KEY)
            old = ("--old-checkpoint", folder / "copy" / "checkpoint")
            caught(folder, "log_forked", "verify-consistency", *old)


def rolled_back():
    with followed(700) as folder:
        shutil.rmtree(folder / "log")
        emit(folder / "log", lines(699))
        old = ("--old-checkpoint", folder / "copy" / "checkpoint")
        caught(folder, "log_shrunk", "verify-consistency", *old)


def killed():
    """Whenever an export ends, the mirror is that of one of the two checkpoints."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check = ("log", "verify", folder / "copy", "--log", KEY)
        emit(folder / "log", lines(30_000))
        with static_host(folder / "log") as url:
            export = ("log", "export", "--prefix", url, "--to", folder / "copy", "--log", KEY)
            farthing(*export)
            shutil.rmtree(folder / "log")
            emit(folder / "log", lines(70_000))
            for after_ms in KILL_MS:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    run(FARTHING, *export, timeout=after_ms / 1_000)
                assert json.loads(farthing(*check))["size"] in ("30000", "70000")
            farthing(*export)
        # Partial tiles that are full now may be left over.
        assert files(folder / "copy").items() >= files(folder / "log").items()
        assert not (folder / "copy" / ".incoming").exists()
        assert json.loads(farthing(*check))["size"] == "70000"


CASES = [
    ("tiles are those of aics-tlog build-tiles, byte for byte", same_bytes),
    ("a mirror grows as aics-tlog append-tiles does", same_growth),
    ("a flipped bit or a missing file is found by both", flipped),
    ("a leaf dropped from the files is found by both", dropped_from_the_files),
    ("a forked log is found by both", forked),
    ("a log that was set back is found by both", rolled_back),
    ("an export that is killed leaves a sound mirror", killed),
]
