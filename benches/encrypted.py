"""What an encrypted sum costs, beside the sum under masks; and Paillier's scheme for small vectors of whole numbers.

    python benches/encrypted.py --json encrypted.json
    python benches/encrypted.py --parties 5 --sizes 10000

CKKS: all four messages by the real handlers, an update of float32 at each party; processor time of a party (keys and
ciphertexts), of the one that draws the key, of one that opens the sum, and of the coordinator; bytes that a party sends
and that one who opens receives; the most resident memory that encrypting takes. The sum is held against the masked one,
bit for bit. Beside it, in the same run: `secure_sum` as `benches/secure.py` measures it.
Paillier: 1,000 numbers in slots of 40 bits; encrypting, adding, randomising a sum anew, decrypting, with `gmpy2` and
with Python's own powers.
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from secure import Give, Gives, secure, sites, timed, update

from hansa.core.bodies import word_body
from hansa.core.codec import pack
from hansa.core.message import Masked
from hansa.core.plan import Everyone, Reply
from hansa.links import encrypted_sum
from hansa.links.encrypted import Added, Keyed, Keying
from hansa.privacy import paillier
from hansa.privacy.paillier import Private, Slots

PARTIES, SIZES = (5, 20, 100), (10_000, 1_000_000)
MESSAGES = {Keying: "keys", Keyed: "deals", Masked: "encrypts", Added: "opens"}
LINK = encrypted_sum(weight=1 << 16)
COUNT = 1000


def resident(key: str = "VmRSS:") -> float:
    """Resident memory of this process in MB; `VmHWM:` is the most since it was last reset."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(key))


def encrypted(n: int, size: int) -> dict[str, Any]:
    """One encrypted sum, message by message: the first party's figures and the coordinator's, and the sum."""
    before = 0.0
    there, ask = sites(n), Give(np.zeros(size, np.float32))
    memories: dict[str, Any] = {name: {} for name in there}
    bill: dict[str, Any] = {"coordinator": 0.0, "sent": 0, "memory": 0.0}
    gather = LINK.gather(dict.fromkeys(there, ask), Everyone())
    asks = next(gather)
    while True:
        partial = asks.fold.zero(range(n))
        for place, name in ((place, name) for place, name in enumerate(there) if name in asks.to):
            given, said = LINK.apply(update(place, size), {}, {}, ())[0], MESSAGES[type(asks.to[name])]
            handler = LINK.handlers({Give: Gives(given)})[type(asks.to[name])]
            if not place:
                Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
                before = resident()
            spent, (answer, memories[name]) = timed(
                lambda: handler.answer(asks.to[name], there[name], memories[name])  # noqa: B023 - called at once
            )
            if not place:
                bill[said] = spent
                bill["memory"] = max(bill["memory"], resident("VmHWM:") - before)
                if said in {"keys", "encrypts"}:
                    bill["sent"] += len(pack(word_body(answer)))
                if said == "opens":
                    bill["received"] = sum(v.nbytes for v in vars(asks.to[name]).values() if isinstance(v, np.ndarray))
            fold, so_far = asks.fold, partial
            spent, partial = timed(lambda: fold.add(so_far, [place], answer))  # noqa: B023 - called at once
            bill["coordinator"] += spent
        try:
            spent, asks = timed(lambda: gather.send(Reply(asks.fold.close(partial), tuple(asks.to))))  # noqa: B023
        except StopIteration as end:
            return {**bill, "sum": end.value.value}
        bill["coordinator"] += spent


def measured(n: int, size: int, turns: int) -> dict[str, Any]:
    """One line of the table: milliseconds of processor time and MB."""
    turns = turns if n * size <= 2e6 else 1
    bills = [encrypted(n, size) for _ in range(turns)]
    masked = [secure(n, size) for _ in range(turns)]
    same = all((masked[0][1][name] == bills[0]["sum"][name]).all() for name in masked[0][1].vectors)
    if not same:
        raise SystemExit("The encrypted sum is not the masked one.")
    middle = {key: 1e3 * median(bill[key] for bill in bills) for key in ("coordinator", *MESSAGES.values())}
    return {
        "parties": n,
        "numbers": size,
        "party_ms": middle["keys"] + middle["encrypts"],
        "deals_ms": middle["deals"],
        "opens_ms": middle["opens"],
        "coordinator_ms": middle["coordinator"],
        "sent_mb": bills[0]["sent"] / 1e6,
        "received_to_open_mb": bills[0]["received"] / 1e6,
        "memory_mb": bills[0]["memory"],
        "secure_sum_party_ms": 1e3 * median(bill.total for bill, _ in masked),
        "secure_sum_sent_mb": masked[0][0].sent / 1e6,
    }


def integers(bits: int, how: str, turns: int) -> dict[str, Any]:
    """Milliseconds of processor time for `COUNT` numbers, and their bytes."""
    key, rng = Private.fresh(bits), np.random.default_rng(0)
    slots = Slots(COUNT, 40, 1 << 30)
    numbers = [rng.integers(-(1 << 30), 1 << 30, COUNT).tolist() for _ in range(2)]
    data = b""
    found: dict[str, list[float]] = {what: [] for what in ("encrypt", "add", "write", "decrypt")}
    for _ in range(turns):
        spent, one = timed(lambda: key.public.encrypt(numbers[0], slots))
        found["encrypt"].append(spent)
        other = key.public.encrypt(numbers[1], slots)
        spent, total = timed(lambda: key.public.add(one, other))  # noqa: B023 - called at once
        found["add"].append(spent)
        spent, data = timed(lambda: key.public.write(total))  # noqa: B023 - called at once
        found["write"].append(spent)
        read = key.public.read(data, slots.summed(2))
        spent, opened = timed(lambda: key.decrypt(read, slots.summed(2)))  # noqa: B023 - called at once
        found["decrypt"].append(spent)
        if opened != tuple(a + b for a, b in zip(*numbers, strict=True)):
            raise SystemExit("Paillier's sum is not the plain one.")
    ms = {f"{what}_ms": 1e3 * median(seconds) for what, seconds in found.items()}
    return {"bits": bits, "powers": how, **ms, "bytes": len(data)}


def tables(parties: list[int], sizes: list[int], turns: int) -> dict[str, Any]:
    """Measure and print both tables."""
    found: dict[str, Any] = {"ckks": [], "paillier": []}
    print(
        "parties    numbers   party ms (secure_sum)  deals ms  opens ms  coordinator ms   sent MB (secure)  memory MB"
    )
    for n in parties:
        for size in sizes:
            one = measured(n, size, turns)
            found["ckks"].append(one)
            print(
                f"{n:7} {size:10,} {one['party_ms']:10.1f} {one['secure_sum_party_ms']:12.1f} {one['deals_ms']:9.1f}"
                f" {one['opens_ms']:9.1f} {one['coordinator_ms']:15.1f} {one['sent_mb']:9.2f}"
                f" {one['secure_sum_sent_mb']:8.2f} {one['memory_mb']:10.1f}",
                flush=True,
            )
    print(f"\nPaillier, {COUNT:,} numbers of 40 bits: encrypt ms    add ms  write ms  decrypt ms     bytes")
    for how in ("gmpy2", "python") if find_spec("gmpy2") else ("python",):
        with patch.object(paillier, "_powers", paillier._powers if how == "gmpy2" else lambda: (pow, pow)):  # noqa: SLF001
            for bits in paillier.SIZES:
                one = integers(bits, how, turns)
                found["paillier"].append(one)
                print(
                    f"{bits:8} bits, {how:8} {one['encrypt_ms']:24.1f} {one['add_ms']:9.2f} {one['write_ms']:9.1f}"
                    f" {one['decrypt_ms']:11.1f} {one['bytes']:9,}",
                    flush=True,
                )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parties", type=int, nargs="+", default=PARTIES)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = tables(options.parties, options.sizes, options.turns)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
