"""A journal in memory, which ends the process where a test says."""

from __future__ import annotations

from copy import deepcopy


class Stop(Exception):
    """The coordinator's process ends here."""


class Memoir:
    """A journal in memory that can end the process at its n-th write, before or after it is durable."""

    thorough = True

    def __init__(self, stop_at=None, after=False, sparing=1):
        self.sparing, self.late, self.owed = sparing, None, []  # of how many keeps that may wait one is written
        self.snapshot, self.answers, self.closings = None, {}, {}
        self.writes, self.stop_at, self.after = 0, stop_at, after

    def _write(self, act):
        if self.stop_at is not None and self.writes >= self.stop_at:
            return  # the process has ended
        self.writes += 1
        if self.writes == self.stop_at and not self.after:
            raise Stop
        act()
        if self.writes == self.stop_at:
            raise Stop

    def latest(self):
        self.late, self.owed = None, []
        return deepcopy(self.snapshot)

    def save(self, snapshot, closed=None, *, may_wait=False):
        self.owed, self.late = [*self.owed, *([closed] if closed else [])], deepcopy(snapshot)
        if not (may_wait and snapshot.keep % self.sparing):
            self.write()

    def write(self):
        (snapshot, self.late), (owed, self.owed) = (self.late, None), (self.owed, [])

        def act():
            self.snapshot = snapshot
            self.closings.update(owed)

        if snapshot is not None:
            self._write(act)

    def answer(self, name, party):
        return deepcopy(self.answers.get((name, party)))

    def record(self, name, party, said):
        self._write(lambda: self.answers.__setitem__((name, party), deepcopy(said)))

    def closing(self, name):
        return self.closings.get(name)

    def close(self, name, closing):
        self._write(lambda: self.closings.__setitem__(name, closing))
