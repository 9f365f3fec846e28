#!/usr/bin/env python3
"""Writes tlog.json: golden vectors of the verifiable log's tree, proofs, tiles and bundles.

Written from RFC 6962, section 2.1, and C2SP tlog-tiles alone, as plainly as they put it, apart from
every implementation that it checks. Standard library only; the output is the same on every run.
"""

import hashlib
import json
import pathlib

WIDTH = 256


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def split(size):
    """The largest power of two below size."""
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def tree_hash(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def path(m, leaves):
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [tree_hash(leaves[k:])]
    return path(m - k, leaves[k:]) + [tree_hash(leaves[:k])]


def subproof(m, leaves, is_known):
    if m == len(leaves):
        return [] if is_known else [tree_hash(leaves)]
    k = split(len(leaves))
    if m <= k:
        return subproof(m, leaves[:k], is_known) + [tree_hash(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [tree_hash(leaves[:k])]


def entry(number):
    return f"leaf-{number}".encode()


LEAVES = [leaf_hash(entry(number)) for number in range(1, 70_001)]


def roots():
    sizes = [*range(34), 127, 128, 129, 255, 256, 257, 511, 512, 513, 600, 65_535, 65_536, 70_000]
    return [{"size": size, "root": tree_hash(LEAVES[:size]).hex()} for size in sizes]


def inclusion_row(size, index):
    return {
        "size": str(size),
        "index": str(index),
        "leaf": LEAVES[index].hex(),
        "root": tree_hash(LEAVES[:size]).hex(),
        "proof": [sibling.hex() for sibling in path(index, LEAVES[:size])],
    }


def inclusion():
    pairs = [(size, index) for size in range(1, 10) for index in range(size)]
    pairs += [(257, 0), (257, 255), (257, 256), (600, 511), (600, 512), (600, 599)]
    pairs += [(65_536, 65_535), (70_000, 0), (70_000, 65_536), (70_000, 69_999)]
    return [inclusion_row(size, index) for size, index in pairs]


def consistency_row(old, new):
    return {
        "old": str(old),
        "new": str(new),
        "old_root": tree_hash(LEAVES[:old]).hex(),
        "new_root": tree_hash(LEAVES[:new]).hex(),
        "proof": [part.hex() for part in subproof(old, LEAVES[:new], True)],
    }


def consistency():
    pairs = [(old, new) for new in range(1, 10) for old in range(1, new + 1)]
    pairs += [(255, 256), (256, 257), (255, 257), (300, 600), (599, 600), (512, 600)]
    pairs += [(65_535, 65_536), (65_536, 70_000), (300, 70_000), (69_999, 70_000)]
    return [consistency_row(old, new) for old, new in pairs]


def flipped(hex_text):
    data = bytearray.fromhex(hex_text)
    data[-1] ^= 1
    return data.hex()


def rejected_inclusion():
    good = inclusion_row(7, 4)
    proof = good["proof"]
    zeros = bytes(32).hex()
    empty = tree_hash([]).hex()
    rows = [
        ("the empty tree", {"size": "0", "index": "0", "proof": []}, "tlog_index_beyond_tree"),
        ("the leaf after the last", {"index": "7"}, "tlog_index_beyond_tree"),
        ("the greatest index", {"index": str(2**64 - 1)}, "tlog_index_beyond_tree"),
        ("no proof", {"proof": []}, "tlog_proof_length"),
        ("a hash too few", {"proof": proof[:-1]}, "tlog_proof_length"),
        ("a hash too many", {"proof": proof + [zeros]}, "tlog_proof_length"),
        ("the leaf before its proof", {"proof": [good["leaf"]] + proof}, "tlog_proof_length"),
        ("the root behind its proof", {"proof": proof + [good["root"]]}, "tlog_proof_length"),
        ("the greatest size", {"size": str(2**64 - 1)}, "tlog_proof_length"),
        ("the neighbour's place", {"index": "5"}, "tlog_root_mismatch"),
        ("a sibling's bit", {"proof": [flipped(proof[0])] + proof[1:]}, "tlog_root_mismatch"),
        ("siblings from above", {"proof": proof[::-1]}, "tlog_root_mismatch"),
        ("the leaf's bit", {"leaf": flipped(good["leaf"])}, "tlog_root_mismatch"),
        ("the root's bit", {"root": flipped(good["root"])}, "tlog_root_mismatch"),
        ("the empty root", {"root": empty}, "tlog_root_mismatch"),
    ]
    return [good | changes | {"why": why, "wantErr": code} for why, changes, code in rows]


def rejected_consistency():
    good = consistency_row(6, 7)
    proof = good["proof"]
    zeros = bytes(32).hex()
    first = [flipped(proof[0])] + proof[1:]
    middle = [proof[0], flipped(proof[1]), proof[2]]
    last = proof[:-1] + [flipped(proof[-1])]
    rows = [
        ("from the empty tree", {"old": "0", "proof": []}, "tlog_consistency_from_empty"),
        ("from the empty tree to itself", {"old": "0", "new": "0"}, "tlog_consistency_from_empty"),
        ("a smaller tree", {"old": "7", "new": "6"}, "tlog_tree_shrinks"),
        ("no proof", {"proof": []}, "tlog_proof_length"),
        ("a hash too few", {"proof": proof[:-1]}, "tlog_proof_length"),
        ("a hash too many", {"proof": proof + [zeros]}, "tlog_proof_length"),
        ("sizes equal, a proof", {"old": "7"}, "tlog_proof_length"),
        ("the greatest size", {"new": str(2**64 - 1)}, "tlog_proof_length"),
        ("sizes equal, roots not", {"old": "7", "proof": []}, "tlog_tree_forked"),
        ("a bit of what both have", {"proof": first}, "tlog_old_root_mismatch"),
        ("a bit of what is new", {"proof": middle}, "tlog_root_mismatch"),
        ("a bit from the left", {"proof": last}, "tlog_old_root_mismatch"),
        ("the old root's bit", {"old_root": flipped(good["old_root"])}, "tlog_old_root_mismatch"),
        ("the new root's bit", {"new_root": flipped(good["new_root"])}, "tlog_root_mismatch"),
        ("the empty root", {"new_root": tree_hash([]).hex()}, "tlog_root_mismatch"),
    ]
    return [good | changes | {"why": why, "wantErr": code} for why, changes, code in rows]


def tile_path(layer, index, width):
    groups = []
    while True:
        groups.insert(0, f"{index % 1000:03}")
        index //= 1000
        if index == 0:
            break
    place = "/".join([f"x{group}" for group in groups[:-1]] + [groups[-1]])
    return f"tile/{layer}/{place}" + ("" if width == WIDTH else f".p/{width}")


def tile_widths(count):
    return [WIDTH] * (count // WIDTH) + ([count % WIDTH] if count % WIDTH else [])


def tiles_of(size):
    """Path and bytes of every tile, level by level, each level made from full tiles below it."""
    entries = [entry(number) for number in range(1, size + 1)]
    for index, width in enumerate(tile_widths(size)):
        bundle = entries[index * WIDTH :][:width]
        data = b"".join(len(item).to_bytes(2, "big") + item for item in bundle)
        yield tile_path("entries", index, width), data
    level, hashes = 0, LEAVES[:size]
    while hashes:
        for index, width in enumerate(tile_widths(len(hashes))):
            yield tile_path(level, index, width), b"".join(hashes[index * WIDTH :][:width])
        full = range(0, len(hashes) - WIDTH + 1, WIDTH)
        level, hashes = level + 1, [tree_hash(hashes[at : at + WIDTH]) for at in full]


def tile_sets():
    """Of each size the number of files and one digest over all: `path LF length LF bytes` each."""
    rows = []
    for size in [1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 70_000]:
        digest = hashlib.sha256()
        files = list(tiles_of(size))
        for name, data in files:
            digest.update(f"{name}\n{len(data)}\n".encode() + data)
        rows.append({"size": size, "files": len(files), "digest": digest.hexdigest()})
    return rows


def tile_paths():
    places = [0, 5, 999, 1_000, 1_234_067, 999_999, 1_000_000, 2**56 - 1, 2**64 - 1]
    return [
        {
            "layer": str(layer),
            "index": str(index),
            "width": width,
            "path": tile_path(layer, index, width),
        }
        for layer in ["entries", 0, 1, 7, 63]
        for index in places
        for width in [1, 112, 255, 256]
    ]


def main():
    vectors = {
        "about": "The verifiable log's tree (RFC 6962, section 2.1) over the entries leaf-1, leaf-2 "
        "and so on (text, no newline) and its tiles (C2SP tlog-tiles). Hashes are hex; numbers that "
        "may exceed 2^53 are strings. `wantErr` is the code of the error. The digest of a tile set "
        "is SHA-256 over `path LF length LF bytes` of every file, bundles first, then by level.",
        "roots": roots(),
        "inclusion": inclusion(),
        "rejected_inclusion": rejected_inclusion(),
        "consistency": consistency(),
        "rejected_consistency": rejected_consistency(),
        "tile_paths": tile_paths(),
        "tile_sets": tile_sets(),
    }
    target = pathlib.Path(__file__).with_name("tlog.json")
    target.write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
