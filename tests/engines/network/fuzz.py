"""`python -m tests.engines.network.fuzz SECONDS [SEED]`: change what comes over the wire, led by what it reaches.

An input that takes the parsers along a step from line to line that none has taken before is kept, and changed further.
Half of the changes are to bytes, half to what a message says, under a digest that is right again. Whatever an input is,
it is read or is one error of the house; none may take a second, and memory may not grow.
"""

from __future__ import annotations

import base64
import gc
import logging
import random
import resource
import struct
import sys
import tempfile
import textwrap
import time
import tomllib
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import count
from pathlib import Path

import msgpack
import numpy as np

from hansa.core.bodies import ask_body, ask_of, word_of
from hansa.core.codec import pack, unpack
from hansa.core.job import Job
from hansa.core.load import Load
from hansa.core.message import Answer, Envelope, Masked, Name, Refusal
from hansa.core.trainer import Local
from hansa.core.wire import Limits, read
from hansa.engines.network import certificates
from hansa.engines.network.admission import Reception
from hansa.engines.network.calls import Caller
from hansa.engines.network.enrolment import Grant, Invitation, Request, Rotation, ask
from hansa.engines.network.files import of_text, to_text
from hansa.engines.network.identity import Identity
from hansa.engines.network.keys import new_tls_key
from hansa.engines.network.names import Subject
from hansa.engines.network.passes import Pass, give
from hansa.engines.network.revocation import Revocations
from hansa.engines.network.sayings import (
    VERSION,
    Offer,
    ask_parcel,
    envelope_in,
    holds_in,
    jobs_in,
    offer_in,
    plainly,
    said_in_parcel,
    word_parcel,
)
from hansa.engines.network.sheet import lay_out, pick_up
from hansa.engines.network.stream import Inbox
from hansa.errors import HansaError
from hansa.horizontal.rounds import Check, Learning, Train
from hansa.horizontal.shape import Shape
from tests.engines.network.banks import NOW, consortium, enrolled
from tests.engines.network.federation import UNSIGNED, believe
from tests.engines.network.mutations import FIRST, HEAD, changed_bytes, changed_states, changed_words
from tests.engines.network.test_calls import House

JOB = Job.from_toml('name = "x"\nsteps = ["rounds"]')
SMALL = Limits(head=1 << 16, tensors=16, payload=1 << 18)
KINDS = {kind.__name__: kind for kind in (Train, Check, Shape)}


def every(*readers):
    """Read with each: what one refuses, the next may take."""

    def read_by_all(*data):
        errors = []
        for reader in readers:
            try:
                reader(*data)
            except HansaError as error:
                errors.append(error)
        if len(errors) == len(readers):
            raise errors[0]

    return read_by_all


def parcels(data):
    parcel = read(data, SMALL)
    every(
        offer_in, holds_in, jobs_in, said_in_parcel, lambda p: envelope_in(p, KINDS),
        lambda p: ask_of(p.body, KINDS), lambda p: word_of(p.body),
    )(parcel)  # fmt: skip


def stream(data):
    """Bytes as messages of a stream, each behind its length."""
    inbox, at = Inbox(believe, SMALL), 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        inbox.take("bank-a", data[at + 2 : at + 2 + size])
        at += 2 + size


def sheet(data):
    """Bytes as a sheet of either version, under the digest that is right for it."""
    size = min(int.from_bytes(data[-8:], "little"), len(data))
    every(*((lambda d=d: pick_up(data, sha256(d).hexdigest())) for d in (data[-8 - size : -8], data)))()


def sheets():
    layout, head = lay_out({"x": np.arange(9.0), "y": [1, "a", None]}), msgpack.packb({"tree": [1, "a"], "arrays": []})
    return [b"".join(layout.pieces(layout.digests())), struct.pack("<4sHQ", b"HNSS", 1, len(head)) + head]


def texts(*kinds):
    def read_all(data):
        text = data.decode("utf-8", "replace")
        every(*((lambda text, kind=kind: of_text(kind, text, "file")) for kind in kinds))(text)

    return read_all


def frames():
    train = Train(np.zeros(3), 0, Local(epochs=1), ({}, {"x": np.ones(2)}))
    said = Answer(Load({"delta": np.ones((1, 3)), "rows": np.array([[4.0]])}))
    name = Name(1, 2, 0)
    made = [
        plainly("Hello", "bank-a", "coordinator", body={"version": VERSION, "holds": {"ab": 7}, "jobs": ["5e1f"]}),
        Offer('name = "x"', {"bank-a": ""}, "anna").parcel("5e1f", "coordinator", "bank-a"),
        ask_parcel("5e1f", Envelope(name, train, (Name(0, 0, 0),)), "coordinator", "bank-a"),
        ask_parcel("5e1f", Envelope(name, Masked(Check(np.ones(3)), {"b": b"x"})), "coordinator", "bank-a"),
        word_parcel("5e1f", name, "Train", said, "bank-a", "coordinator"),
        word_parcel("5e1f", name, "Train", Refusal("No.", "Why.", "Mend."), "bank-a", "coordinator"),
        plainly("Other", "bank-a", "coordinator", body=ask_body(train)),
    ]
    spare = {"spare": np.arange(3)}  # for a change to point to; a field that is not known is ignored
    return [b"".join(replace(one, body={**one.body, **spare}).frame()) for one in made]


def messages():
    found = []
    for frame in frames():
        digest, first = HEAD.unpack_from(frame)[-1], min(len(frame), 200)
        one = FIRST.pack(1, 0, len(frame), digest, UNSIGNED) + frame[:first]
        rest = [b"\0" + frame[first:]] if len(frame) > first else []
        found.append(b"".join(len(m).to_bytes(2, "little") + m for m in (one, *rest)))
    return found


def files(folder):
    org = consortium(folder / "org")
    bank = enrolled(org, "bank-a", folder / "bank-a")
    invitation = org.invite("bank-b", NOW)
    asked = ask(invitation, folder / "bank-b", NOW)
    card = give(org, "anna", "scientist", NOW)
    grant = org.admit(asked, NOW)
    return [to_text(one).encode() for one in (invitation, asked, card, grant, bank, Revocations())], bank


def calls(house):
    card = house.calls("anna", "scientist").token
    bodies = {
        "Status": {}, "Logs": {"job": "abcd", "known": 0, "within": 0.0}, "Result": {"job": "abcd", "from": 0},
        "Stop": {"job": "abcd"}, "Resume": {"job": "abcd"}, "Submit": {"toml": "name = 7"},
    }  # fmt: skip
    asked = [plainly(kind, "anna", "coordinator", body={"token": card, **body}) for kind, body in bodies.items()]
    return [b"".join(one.frame()) for one in asked]


def answered(caller):
    every(caller.status, lambda: caller.log("abcd"), caller.notes, lambda: caller.submit(JOB))()


def applications(papers):
    tree = tomllib.loads(papers[1].decode())
    bodies = {"Enrol": {"request": tree}, "Renew": {"rotation": tree}, "Whose": {}}
    return [b"".join(plainly(kind, "bank-0", "coordinator", body=body).frame()) for kind, body in bodies.items()]


def der_of(text):
    return base64.b64decode("".join(line for line in text.splitlines() if "-" not in line))


def pem_of(what, der):
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join([f"-----BEGIN {what}-----", *lines, f"-----END {what}-----", ""])


def targets(folder, house):
    """By name: what reads, and what it reads well."""
    papers, bank = files(folder)
    reception, numbers = Reception(house.org), count()
    request = der_of(certificates.request(Subject("bank-a"), new_tls_key()))

    def certified(data):
        text = pem_of("CERTIFICATE", data)
        every(
            lambda: certificates.checked(text, bank.authority, "party", "tls", NOW),
            lambda: certificates.checked(bank.tls, text, "party", "tls", NOW),
            lambda: certificates.subject_of(certificates.read(text)),
            lambda: certificates.key_of(text),
            lambda: certificates.public_of(pem_of("CERTIFICATE REQUEST", data), Subject("bank-a"), "tls"),
        )()

    def applied(data):
        peer, role = f"bank-{next(numbers)}", ("guest", "party")[len(data) % 2]
        if (said := read(house.loop.run_until_complete(reception.answer(data, peer, role)))).kind == "No":
            raise HansaError(said.body["error"][1])

    def called(data):
        if (said := read(house.ask(data, "anna"))).kind == "No":
            raise HansaError(said.body["error"][1])

    learning = Learning(width=2, params=np.zeros(3), links=({"x": np.ones(3)},))
    answers = [house.ask(one, "anna") for one in calls(house)]
    return {
        "parcels": (parcels, frames()),
        "stream": (stream, messages()),
        "calls": (called, calls(house)),
        "answers": (lambda data: answered(Caller(None, lambda asked: data)), answers),
        "sheets": (sheet, sheets()),
        "states": (lambda data: unpack(Learning, data), [pack(learning)]),
        "papers": (texts(Request, Rotation, Grant, Invitation, Pass, Identity, Revocations), papers),
        "applications": (applied, applications(papers)),
        "certificates": (certified, [der_of(bank.tls), der_of(bank.signing), der_of(bank.authority), request]),
    }


@dataclass
class Target:
    """One reader, what was kept for it, and what came of it."""

    read: object
    kept: list
    steps: set = field(default_factory=set)
    tried: int = 0
    refused: int = 0
    longest: float = 0.0
    faults: list = field(default_factory=list)

    def try_(self, data, follow):
        """Read one input; whether it went where none had been."""
        steps, begun = set(), time.perf_counter()
        follow(steps)
        try:
            self.read(data)
        except HansaError:
            self.refused += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self.faults.append((repr(error)[:200], data.hex()))
        finally:
            sys.settrace(None)
        self.tried += 1
        self.longest = max(self.longest, time.perf_counter() - begun)
        fresh = not steps <= self.steps
        self.steps |= steps
        return fresh


def follow(steps):
    """Take note of each step from line to line within hansa."""

    def entered(frame, event, argument):
        if "/hansa/" not in frame.f_code.co_filename:
            return None
        place, last = id(frame.f_code), [0]

        def stepped(frame, event, argument):
            if event == "line":
                steps.add((place, last[0], frame.f_lineno))
                last[0] = frame.f_lineno
            return stepped

        return stepped

    sys.settrace(entered)


def fuzz(seconds, seed, folder):
    """Try for so many seconds; the targets as they ended, and by how much memory has grown, in MB."""
    (folder / "house").mkdir()
    house = House(folder / "house")
    try:
        return tried(seconds, random.Random(seed), targets(folder, house))
    finally:
        house.close()


def tried(seconds, draw, readers):
    found = {name: Target(reader, list(kept)) for name, (reader, kept) in readers.items()}
    for target in found.values():
        for data in target.kept:
            target.try_(data, follow)
        target.refused = 0
    before, end = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic() + seconds
    while time.monotonic() < end:
        for name, target in found.items():
            for _ in range(50):
                data = draw.choice(target.kept[-64:] if draw.random() < 0.5 else target.kept)
                new = None
                if draw.random() < 0.5:
                    new = changed_states(data, draw) if name == "states" else changed_words(data, draw)
                new = changed_bytes(data, draw, target.kept) if new is None else new
                if target.try_(new, follow):
                    target.kept.append(new)
    return found, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main(seconds, seed=1):
    logging.disable(logging.CRITICAL)
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        found, grown = fuzz(seconds, seed, Path(folder))
    lines = [f"{'reader':<13} {'inputs':>9} {'refused':>9} {'kept':>6} {'steps':>6} {'longest':>10} {'faults':>6}"]
    lines += [
        f"{name:<13} {one.tried:>9,} {one.refused:>9,} {len(one.kept):>6,} {len(one.steps):>6,}"
        f" {1e3 * one.longest:>7.1f} ms {len(one.faults):>6}"
        for name, one in found.items()
    ]
    total, faults = sum(one.tried for one in found.values()), sum(len(one.faults) for one in found.values())
    lines.append(f"{total:,} inputs in {seconds:.0f} s, seed {seed}; {faults} faults; memory grew by {grown:.0f} MB.")
    for name, one in found.items():
        lines += [f"{name}: {error} {data[:2000]}" for error, data in dict(one.faults).items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return faults


if __name__ == "__main__":
    sys.exit(bool(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)))
