"""A journal in memory, which ends the process where a test says."""

from __future__ import annotations

from copy import deepcopy


class Stop(Exception):
    """The coordinator's process ends here."""


class Memoir:
    """A journal in memory that can end the process at its n-th write, before or after it is durable."""

    thorough = True

    def __init__(self, stop_at=None, after=False):
        self.snapshot, self.answers, self.closings = None, {}, {}
        self.writes, self.stop_at, self.after = 0, stop_at, after

    def _write(self, act):
        self.writes += 1
        if self.writes == self.stop_at and not self.after:
            raise Stop
        act()
        if self.writes == self.stop_at:
            raise Stop

    def latest(self):
        return deepcopy(self.snapshot)

    def save(self, snapshot, closed=None):
        def act():
            self.snapshot = deepcopy(snapshot)
            self.closings.update([closed] if closed else [])

        self._write(act)

    def answer(self, name, party):
        return deepcopy(self.answers.get((name, party)))

    def record(self, name, party, said):
        self._write(lambda: self.answers.__setitem__((name, party), deepcopy(said)))

    def closing(self, name):
        return self.closings.get(name)

    def close(self, name, closing):
        self._write(lambda: self.closings.__setitem__(name, closing))
