"""What a secure sum costs, beside the plain sum: masks a core, a party's half, the coordinator's, bytes and memory.

    python benches/secure.py --json secure.json
    python benches/secure.py --parties 10 --sizes 1000000

Masks: keystream added to a vector of a million through the one reused buffer; GB a second of one core. Sums: all five
messages by the real handlers with the real cryptography, an update of float32 at each party; processor time of one
party and of the coordinator, medians over the turns, and the same update and fold in a plain sum; bytes that the party
sends; the most memory that its handlers take while they run, beyond its update. Each sum is held against the plain one.
Of
the largest (parties x parties x numbers above 2e10) one party is masked for real and stands for the others, so that its
total is not checked. Encrypted sums follow in the same run, where the extra `he` is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import tracemalloc
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, final

import numpy as np

from hansa.core.bodies import word_body
from hansa.core.codec import pack
from hansa.core.fold import Sum
from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Masked
from hansa.core.party import Memory, Site
from hansa.core.plan import Everyone, Reply
from hansa.core.table import Table
from hansa.horizontal.rounds import Rounds
from hansa.links import secure_sum, weighted_mean
from hansa.links.secure import Adverted, Invited, Listed, Opened
from hansa.privacy.masks import Masker
from hansa.privacy.primitives import REAL, made_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PARTIES, SIZES = (5, 10, 20, 100), (10_000, 1_000_000, 10_000_000)
TOO_LARGE = 2e10
MESSAGES = {Invited: "keys", Adverted: "shares", Masked: "masks", Listed: "agree", Opened: "open"}
LINK = secure_sum(weight=1 << 16)


@final
@dataclass(frozen=True)
class Give(Ask):
    """Give the update that this model `[d]` leads to."""

    params: NDArray[np.float32]


@final
@dataclass(frozen=True)
class Gives:
    """A party's training, in no time: its update lies there."""

    load: Load

    def answer(self, ask: Give, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Give it."""
        del ask, site
        return Answer(self.load), memory


@final
@dataclass
class Bill:
    """Processor seconds of one party by message, and of the coordinator; the party's bytes, and the most memory."""

    party: dict[str, float] = field(default_factory=dict)
    coordinator: float = 0.0
    sent: int = 0
    memory: int = 0

    @property
    def total(self) -> float:
        """The party's seconds."""
        return sum(self.party.values())


def update(place: int, size: int) -> Load:
    """A party's update of `size` numbers, with what Train sends beside it."""
    drawn = np.random.default_rng(place).integers(0, 1 << 24, size, np.uint32)
    delta = (drawn.astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0))[None, :]
    rows = np.array([[100.0 + place]])
    return Load({"delta": delta, "rows": rows, "loss": rows * 0.5, "counted": np.array([[1]])})


def timed(what: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of this process, and what was made."""
    begun = time.process_time()
    made = what()
    return time.process_time() - begun, made


def masks(turns: int) -> float:
    """GB a second of keystream added to a vector."""
    vector, masker, key = np.zeros(1_000_000, np.uint64), Masker(REAL), os.urandom(32)
    masker.add(vector, key)
    seconds = [timed(lambda: masker.add(vector, key))[0] for _ in range(10 * turns)]
    return 8e-9 * len(vector) / median(seconds)


def sites(n: int) -> dict[str, Site]:
    """Parties with identities that know each other."""
    names, table = [f"bank-{i:03}" for i in range(n)], Table.of({"x": [1]})
    made, job = made_for(names), Job("bench", (Rounds(chain=(LINK,)),))
    return {name: Site(name, job, table, identity=made[name]) for name in names}


def secure(n: int, size: int, *, traced: bool = False) -> tuple[Bill, Load]:
    """One secure sum, message by message: the first party's bill and the coordinator's, and the sum."""
    bill, there, ask = Bill(), sites(n), Give(np.zeros(size, np.float32))
    whole = n * n * size <= TOO_LARGE
    memories: dict[str, Memory] = {name: {} for name in there}
    gather = LINK.gather(dict.fromkeys(there, ask), Everyone())
    spent, asks = timed(lambda: next(gather))
    bill.coordinator += spent
    while True:
        partial, first = asks.fold.zero(range(n)), None
        for place, name in enumerate(asks.to):
            given = LINK.apply(update(place, size if whole or not place else 1), {}, {}, ())[0]
            handler = LINK.handlers({Give: Gives(given)})[type(asks.to[name])]
            if traced and not place:
                tracemalloc.start()
            job = lambda: handler.answer(asks.to[name], there[name], memories[name])  # noqa: B023, E731 - called at once
            spent, (answer, memories[name]) = timed(job)
            if not place:
                if traced:
                    bill.memory = max(bill.memory, tracemalloc.get_traced_memory()[1])
                    tracemalloc.stop()
                bill.party[MESSAGES[type(asks.to[name])]] = spent
                bill.sent += len(pack(word_body(answer)))
                first = answer
            if isinstance(asks.to[name], Masked) and not whole and first is not None:
                answer = first
            fold, before = asks.fold, partial
            spent, partial = timed(lambda: fold.add(before, [place], answer))  # noqa: B023 - called at once
            bill.coordinator += spent
        reply = Reply(asks.fold.close(partial), tuple(asks.to))
        try:
            spent, asks = timed(lambda: gather.send(reply))  # noqa: B023 - called at once
        except StopIteration as end:
            return bill, end.value.value
        bill.coordinator += spent


def opened(n: int, size: int) -> float:
    """Processor seconds in which the coordinator takes the masks off: what `secure` cannot time, as it ends there."""
    vector, masker = np.zeros(size, np.uint64), Masker(REAL)
    return timed(lambda: [masker.subtract(vector, os.urandom(32)) for _ in range(n)])[0]


def plain(n: int, size: int) -> tuple[float, float, int, Load | None]:
    """The plain sum: a party's processor seconds and the coordinator's, the party's bytes, and the mean."""
    fold, link = Sum(), weighted_mean()
    partial, party, coordinator, sent = fold.zero(range(n)), 0.0, 0.0, 0
    for place in range(n):
        load = update(place if n * n * size <= TOO_LARGE else 0, size)
        spent, (weighed, _) = timed(lambda: link.apply(load, {}, {}, ()))  # noqa: B023 - called at once
        answer = Answer(weighed)
        if not place:
            party, sent = spent, len(pack(word_body(answer)))
        before = partial
        spent, partial = timed(lambda: fold.add(before, [place], answer))  # noqa: B023 - called at once
        coordinator += spent
    spent, total = timed(lambda: link.combine(fold.close(partial)))
    return party, coordinator + spent, sent, total


def measured(n: int, size: int, turns: int) -> dict[str, Any]:
    """One line of the table."""
    turns = turns if n * size <= 2e7 else 1
    bills = [secure(n, size) for _ in range(turns)]
    found = [plain(n, size) for _ in range(turns)]
    off = None
    mean, wanted = LINK.combine(bills[0][1]), found[0][3]
    if n * n * size <= TOO_LARGE and mean is not None and wanted is not None:
        off = float(np.abs(mean["delta"] - wanted["delta"]).max())
        assert off <= 2.0**-25 + 2.0**-20, off  # half a step, and the rounding of the plain sum's float32
    traced = secure(n, size, traced=True)[0]
    return {
        "parties": n,
        "numbers": size,
        "party_ms": 1e3 * median(bill.total for bill, _ in bills),
        "by_message_ms": {k: 1e3 * median(bill.party[k] for bill, _ in bills) for k in MESSAGES.values()},
        "coordinator_ms": 1e3 * median(bill.coordinator for bill, _ in bills) + 1e3 * opened(n, size),
        "plain_party_ms": 1e3 * median(one[0] for one in found),
        "plain_coordinator_ms": 1e3 * median(one[1] for one in found),
        "sent_mb": bills[0][0].sent / 1e6,
        "plain_sent_mb": found[0][2] / 1e6,
        "memory_mb": traced.memory / 1e6,
        "update_mb": 8e-6 * size,
        "off_by": off,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parties", type=int, nargs="+", default=PARTIES)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--without-encrypted", action="store_true", help="leave out `benches/encrypted.py`")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {"masks_gb_per_core_second": masks(options.turns), "sums": []}
    print(f"masks: {found['masks_gb_per_core_second']:.2f} GB/s a core")
    print("parties    numbers   party ms  (plain)  coordinator ms  (plain)   sent MB (plain)   memory MB (ring MB)")
    for n in options.parties:
        for size in options.sizes:
            one = measured(n, size, options.turns)
            found["sums"].append(one)
            print(
                f"{n:7} {size:10,} {one['party_ms']:10.1f} {one['plain_party_ms']:8.1f} {one['coordinator_ms']:15.1f}"
                f" {one['plain_coordinator_ms']:8.1f} {one['sent_mb']:9.2f} {one['plain_sent_mb']:7.2f}"
                f" {one['memory_mb']:11.1f} {one['update_mb']:9.1f}",
                flush=True,
            )
    if not options.without_encrypted and find_spec("tenseal") is not None:
        from encrypted import PARTIES as FEW
        from encrypted import SIZES as SMALL
        from encrypted import tables

        print("\nencrypted sums beside them (benches/encrypted.py):")
        found["encrypted"] = tables(list(FEW), list(SMALL), options.turns)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
