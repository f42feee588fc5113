"""A link says only what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from hansa.core.draws import Draws
from hansa.core.fold import Collect, Sum
from hansa.core.link import Guarantees, Link
from hansa.core.load import Load
from hansa.core.step import Roster
from hansa.core.trainer import Local


@final
@dataclass(frozen=True)
class idle(Link):  # noqa: N801 - named as a job file would
    """Does nothing."""

    stage: ClassVar = "party"
    size: int = 3


@final
@dataclass(frozen=True)
class nosy(Link):  # noqa: N801
    """Sees each."""

    stage: ClassVar = "combine"

    @property
    def guarantees(self):
        return Guarantees(sees_each=True)


def test_every_method_defaults_to_nothing():
    link, load, local = idle(), Load({"delta": np.ones((2, 3))}), Local()
    assert link.apply(load, {}, {}, ()) == (load, {})
    assert link.close(load, {"a": 1}) == (load, {"a": 1})
    assert link.before(local, {}, {}) is local
    assert (link.begin(3), link.mine(3), link.tell({})) == ({}, {}, {})
    assert tuple(link.who(Roster(("a", "b")), Draws(0, "c"))) == ("a", "b")
    assert link.combine(load) is load
    assert link.guarantees == Guarantees()


def test_it_prints_its_settings_and_folds_by_what_it_sees():
    assert idle().sentence() == "idle(size=3)"
    assert nosy().sentence() == "nosy"
    assert isinstance(nosy().fold(), Collect)
    assert isinstance(idle().fold(), Sum)
