"""Changes to what comes over the wire: to its bytes, or to what a message says, under a digest that is right again."""

from __future__ import annotations

import struct
from hashlib import sha256

import msgpack

from tests.engines.network.federation import UNSIGNED

HEAD, FIRST = struct.Struct("<4sHI32s"), struct.Struct("<BQQ32s64s")
ODD = [0, 1, -1, 7, 255, 1 << 16, (1 << 31) - 1, 1 << 32, (1 << 63) - 1, -(1 << 63), (1 << 64) - 1, 1e308, float("nan")]
WORDS = [
    "",
    "a",
    "../x",
    "\0",
    "甲",
    "__tensor__",
    "kind",
    "Masked",
    "refusal",
    "load",
    "<f8",
    "|O",
    "x" * 300,
    True,
    None,
]


def changed_bytes(data, draw, others):
    """Bytes turned, cut, doubled, swapped with another input's, or with odd numbers in them."""
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        at, how = draw.randrange(len(data) + 1), draw.randrange(6)
        if how == 0 and data:
            data[at % len(data)] ^= 1 << draw.randrange(8)
        elif how == 1 and data:
            data[at % len(data)] = draw.randrange(256)
        elif how == 2:
            del data[at : at + draw.choice((1, 2, 8, 64))]
        elif how == 3:
            data[at:at] = draw.choice(
                (b"\x91" * 200, b"\xdd\xff\xff\xff\xff", b"\xc7\x02\x05ab", b"\xc1", b"[" * 99, b"9" * 99)
            )
        elif how == 4:
            other = draw.choice(others)
            cut = draw.randrange(len(other) + 1)
            data[at : at + draw.randrange(64)] = other[cut : cut + draw.randrange(64)]
        else:
            data[at : at + 8] = struct.pack("<Q", draw.choice((0, 1, 1 << 31, 1 << 40, 1 << 63, (1 << 64) - 1)))
    return bytes(data[: 1 << 16])


def changed_tree(tree, draw, depth=0):
    """What a message says, changed in one place or taken apart."""
    if isinstance(tree, dict) and tree and draw.random() < 0.8:
        key = draw.choice(list(tree))
        how = draw.randrange(5)
        if how == 0:
            return {k: v for k, v in tree.items() if k != key}
        if how == 1:
            return {**tree, str(draw.choice(WORDS)): tree[key]}
        return {**tree, key: changed_tree(tree[key], draw, depth + 1)}
    if isinstance(tree, list) and tree and draw.random() < 0.8:
        at, how = draw.randrange(len(tree)), draw.randrange(4)
        if how == 0:
            return tree[:at] + tree[at + 1 :]
        if how == 1:
            return tree + [tree[at]] * draw.choice((1, 3, 40))
        return [*tree[:at], changed_tree(tree[at], draw, depth + 1), *tree[at + 1 :]]
    return draw.choice([*ODD, *WORDS, [], {}, [tree], {"__tensor__": 0}, {"kind": "Train", "ask": tree}, b"\xff" * 9])


def changed_words(data, draw):
    """A message that says something else, under a digest that is right."""
    try:
        start = data.index(b"HNSA")
        size = HEAD.unpack_from(data, start)[2]
        at = start + HEAD.size
        tree = msgpack.unpackb(data[at : at + size], strict_map_key=False)
        packed = msgpack.packb(changed_tree(tree, draw))
    except (ValueError, TypeError, struct.error, OverflowError, msgpack.UnpackException):
        return None
    head = HEAD.pack(b"HNSA", 1, len(packed), sha256(packed).digest())
    before, after = data[:start], data[at + size :]
    if len(before) == FIRST.size + 2 and len(head + packed + after) < 60_000:  # in a stream: all of it in one message
        body = head + packed
        first = FIRST.pack(1, 0, len(body + after), sha256(packed).digest(), UNSIGNED) + body + after
        return len(first).to_bytes(2, "little") + first
    return before + head + packed + after


def changed_states(data, draw):
    """Plain msgpack that says something else."""
    try:
        return msgpack.packb(changed_tree(msgpack.unpackb(data, strict_map_key=False), draw))
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
        return None
