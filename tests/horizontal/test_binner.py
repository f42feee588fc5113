"""What a party tells of its rows to be binned: counts of no few, and only what it was asked first."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.party import at_once, site_of
from hansa.errors import PolicyRefusal
from hansa.horizontal.binner import Beneath, Binner, Encode, Inquire, Outcomes, tell_both, tell_outcomes
from hansa.horizontal.binning import Binning
from hansa.horizontal.columns import Scaled
from hansa.horizontal.optimal import Rule
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.woe import Cells
from tests.horizontal.banks import book, divided, job_of


def test_counts_of_a_few_rows_do_not_leave_and_totals_stay():
    rng = np.random.default_rng(0)
    cells = Cells("age", edges=tuple(range(10)))
    for _ in range(50):
        place, event = rng.integers(0, 12, 300), rng.random(300) < 0.1
        told, apart = tell_outcomes(place, event, cells, 10)
        for side, mine in zip(told, (place[~event], place[event]), strict=True):
            counts = np.bincount(mine, minlength=12)
            assert side.sum() == pytest.approx(len(mine))
            assert all(side[i] == pytest.approx(counts[i]) or counts[i] < 10 or apart for i in range(12))
            assert apart >= 10 or not ((counts > 0) & (counts < 10)).any()
    few = np.array([True, False] + [False] * 98)
    told, _ = tell_outcomes(np.zeros(100, np.intp), few, cells, 10)
    assert told[1].sum() == 0


@pytest.mark.parametrize("cells", [Cells("age", edges=tuple(range(10))), Cells("job", labels=(("a",),) * 10)])
@pytest.mark.parametrize("rate", [0.0, 0.02, 0.1, 0.5, 0.97])
def test_no_outcome_can_be_subtracted_from_rows_that_are_known(cells, rate):
    rng, size, cell = np.random.default_rng(1), cells.size, 10
    for _ in range(50):
        place = np.concatenate([np.repeat(np.arange(size - 1), cell), rng.integers(0, size - 1, 300)])
        event = rng.random(len(place)) < rate * rng.random(size)[place] * 2
        rows, (goods, bads) = np.bincount(place, minlength=size), tell_both(place, event, cells, cell)[0]
        np.testing.assert_allclose(rows - goods, bads, atol=1e-9)  # a difference tells what is told
        for share in np.unique((goods / np.maximum(rows, 1)).round(9)):
            alike = np.abs(goods / np.maximum(rows, 1) - share) < 1e-8
            for side in (goods, bads):
                assert side[alike].sum() < 1e-9 or side[alike].sum() > cell - 1e-9
        if min(event.sum(), (~event).sum()) >= cell:
            assert bads.sum() == pytest.approx(event.sum())
    exact = np.stack([np.bincount(place[event == side], minlength=size) for side in (False, True)])
    np.testing.assert_array_equal(tell_both(place, event, cells, 1)[0], exact)


STEP = Binning(drop=("income",), columns={"arrears": Rule(special_codes=(-9.0,))})
HONEST = (
    Inquire(),
    Beneath({"age": np.array([30.0])}),
    Outcomes((Cells("arrears", (0.0,), special_codes=(-9.0,)), Cells("age", (30.0,)))),
    Encode(Prepared((Scaled("age", 40.0),))),
    Encode(Prepared((Scaled("age", 40.0),))),
)
HOSTILE = {
    "edges of a column that the job leaves out": (0, Beneath({"income": np.array([1e4])})),
    "edges of what tells customers apart": (0, Beneath({"who": np.array([17.0])})),
    "outcomes of a column that the job leaves out": (2, Outcomes((Cells("income", (1e4,)),))),
    "a value taken out by name": (2, Outcomes((Cells("arrears", (0.0,), special_codes=(123.45,)),))),
    "another coding": (4, Encode(Prepared((Scaled("age", 41.0),)))),
    "edges after the fit": (4, Beneath({"age": np.array([31.0])})),
    "outcomes after the fit": (4, Outcomes((Cells("age", (31.0,)),))),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_the_job_does_not_count_is_refused_and_all_counts_after_the_fit(what):
    (after, ask), memory = HOSTILE[what], {}
    here = site_of(divided(book(400), [])[0], job_of(STEP))
    for asked in HONEST[:after]:
        memory = at_once(Binner(STEP).answer(asked, here, memory)[1])  # the coordinator says that nothing counted
    with pytest.raises(PolicyRefusal, match=r"asks for other [\w ]+ than its job, or than at first") as caught:
        Binner(STEP).answer(ask, here, memory)
    assert "123" not in str(caught.value)
    for asked in HONEST[after:]:
        memory = Binner(STEP).answer(asked, here, memory)[1]
    assert set(memory) == {"prepared", "at once/prepare"}
