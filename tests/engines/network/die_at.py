"""`python -m tests.engines.network.die_at POINT COUNT VERB...`: the program, which kills itself at a named step.

A point is "before" or "after", a function of the network by its path, for what is sent the kind of message, and perhaps
another function that is waited for. At its COUNT-th call the process ends by SIGKILL, as in a power cut. Nothing of it
is in the program itself.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import signal
import sys
from threading import Condition
from typing import NamedTuple

from hansa.core.journal import Snapshot
from hansa.core.message import Name

ROOM = "hansa.engines.network"


class Point(NamedTuple):
    """A named step: before or after a function's call, of messages of one kind only where `kind` is given.

    `until`: the call waits until another function has been called for the same keep of the same job.
    """

    when: str
    place: str
    kind: str = ""
    until: str = ""

    def __str__(self):
        found = f"{self.when} {self.place}" + f" {self.kind}" * bool(self.kind)
        return found + f", and after {self.until}" * bool(self.until)


def points(*places):
    """Before and after each place: "room.function" or "room.Class.method", and behind it perhaps a kind."""
    return [Point(when, *place.split()) for place in places for when in ("before", "after")]


COORDINATOR = points(
    "store.Store.submit",
    "store.Store.mark",
    "store.Store.put",
    "journal.JobJournal.close",
    "journal.JobJournal.save",
    "journal.JobJournal.write",
    "jobs.append",
    "hub.Hub.open_job",
    "hub.Hub.close_job",
    "board.Board.deliver",
    "stream.Line.send Welcome",
    "stream.Line.send Open",
    "stream.Line.send Ask",
    "stream.Line.send Ack",
    "stream.Line.send Close",
)
AHEAD = [
    Point("before", "journal.JobJournal.save", "", until)
    for until in ("board.Board._hand_out", "stream.Line.send Ask", "board.Board.deliver")
]
"""Letters that follow from what is not written yet wait to be sent; have left; a word to one is durable too."""
NODE = points(
    "site_store.SiteStore.open",
    "site_store.SiteStore.mark",
    "seat_book.SeatBook.restore",
    "seat_book.SeatBook.unacknowledged",
    "seat_book.SeatBook.give",
    "seat_book.SeatBook.acknowledged",
    "wire_ledger.append",
    "desk.Desk.answer",
    "trainer.Trainer.__call__",
    "stream.Line.send Hello",
    "stream.Line.send Word",
)
LARGE = points("disk.LocalDisk.write", "disk.LocalDisk.fsync", "disk.LocalDisk.replace", "disk.LocalDisk.fsync_folder")
"""What is done only for words that are files of their own."""


SUM_AT_COORDINATOR = points(
    *(f"stream.Line.send {kind}" for kind in ("Invited", "Adverted", "Masked", "Listed", "Opened")),
    *(f"store.Store.put {kind}" for kind in ("Invited", "Adverted", "Train", "Listed", "Opened")),
)
SUM_AT_NODE = points(
    *(f"seat_book.SeatBook.give {kind}" for kind in ("Invited", "Adverted", "Train", "Listed", "Opened")),
    *(f"stream.Line.send {kind}" for kind in ("Invited", "Adverted", "Train", "Listed", "Opened")),
)
"""The messages of a secure sum: asks as the coordinator sends them, and their words by what is asked."""


LEDGER = points(
    "privacy_ledger.PrivacyLedger.approve",
    "privacy_ledger.PrivacyLedger.add",
    "privacy_ledger.PrivacyLedger.pay",
    "privacy_ledger.PrivacyLedger.close_job",
    "seat_book.SeatBook.give Train",
    "stream.Line.send Train",
)
"""Where a bank's privacy ledger is written, and what it charges leaves."""


def told_in(arguments):
    """The kinds of messages that a call speaks of: of a frame, of the ask or word in it, of words to be kept."""
    found = [one for one in arguments if isinstance(one, str)]
    for one in [word for group in arguments if isinstance(group, list) for word in group] + list(arguments):
        body = getattr(one, "body", None)
        body = body if isinstance(body, dict) else {}
        found += [getattr(one, "kind", ""), body.get("kind", ""), (body.get("ask") or {}).get("kind", "")]
    return found


def about(arguments):
    """The job that a call speaks of, and how many keeps it has: of letters, a parcel, a word, a snapshot."""
    jobs = [getattr(one, "digest", None) or getattr(one, "job", None) for one in arguments]
    letters = [one for group in arguments if isinstance(group, dict) for one in group.values()]
    told = [*arguments, *(getattr(one, "name", None) for one in (*arguments, *letters))]
    keeps = [one.keep for one in told if isinstance(one, (Name, Snapshot))]
    return [next(iter(filter(None, jobs)), ""), *keeps[:1]]


def arm(point, count):
    """Put death at a point."""
    calls, heard, news = [0], [], Condition()

    def due(when, arguments):
        if when != point.when or (point.kind and point.kind not in told_in(arguments[1:])):
            return
        if point.until:
            with news:
                if not news.wait_for(lambda: about(arguments) in heard, 0.5):
                    return  # nothing went ahead, as at the end of a step
        calls[0] += 1
        if calls[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(when, arguments):
        if when == "after" and (not kind or kind[0] in told_in(arguments[1:])):
            with news:
                heard.append(about(arguments))
                news.notify_all()

    replace(point.place, due)
    if point.until:
        place, *kind = point.until.split()
        replace(place, hear)


def replace(place, due):
    """Let something be done before and after each call of a function."""
    path, name = place.rsplit(".", 1)
    room, *inner = path.split(".")
    module = importlib.import_module(f"{ROOM}.{room}")
    owner = getattr(module, inner[0]) if inner else module
    real = getattr(owner, name)

    @functools.wraps(real)
    def deadly(*arguments, **named):
        due("before", arguments)
        found = real(*arguments, **named)
        due("after", arguments)
        return found

    @functools.wraps(real)
    async def slowly(*arguments, **named):
        due("before", arguments)
        found = await real(*arguments, **named)
        due("after", arguments)
        return found

    armed = slowly if inspect.iscoroutinefunction(real) else deadly
    for where in [one for key, one in sys.modules.items() if key.startswith(ROOM)]:
        if not inner and getattr(where, name, None) is real:
            setattr(where, name, armed)  # wherever it was imported by its name
    setattr(owner, name, armed)


def main(when, place, kind, until, count, *verb):
    for room in ("coordinator", "node", "trainer"):
        importlib.import_module(f"{ROOM}.{room}")
    arm(Point(when, place, kind, until), int(count))
    sys.argv = ["hansa", *verb]
    from hansa.cli.entry import main as begin

    begin()


if __name__ == "__main__":
    main(*sys.argv[1:])
