"""Less discriminatory alternatives: scorecards nearly as good that approve two groups more alike.

One sex earns less and works part time more often. Hours worked tell of income once more, and little of default.
"""

import numpy as np

import hansa as hs
from hansa.apps.alternatives import search
from hansa.horizontal.binning import Binning
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.glm import Glm
from hansa.horizontal.scorecard import MakeCard
from hansa.horizontal.selection import Select


def book(i: int) -> dict:
    """Applications of the past; sex is there to test by, and never enters a card."""
    rng = np.random.default_rng(i)
    sex, debt, years = rng.integers(0, 2, 6000), *rng.normal(size=(2, 6000))
    income = rng.normal(size=6000) - 0.2 * sex
    hours = 0.3 * income - 1.2 * sex + rng.normal(size=6000)
    late = rng.random(6000) < 1 / (1 + np.exp(1.5 + 0.8 * income - 0.7 * debt + 0.5 * years + 0.15 * hours))
    columns = {"income": income, "debt": debt, "years": years, "hours": hours}
    return {"sex": np.where(sex, "f", "m"), **columns, "late": late.astype(int)}


lenders = hs.Simulation([hs.Party(f"lender-{i}", book(i), target="late") for i in range(4)], workers=1)
fairness = Fairness(("sex",), approval_rate=0.7, reference={"sex": "m"})
job = hs.Job("card", (Binning(drop=("sex",)), Select(), Glm(), MakeCard(), fairness))
found = search(job, on=lenders, tolerance=0.01)
print(found.table())
best = found.better[0]
assert (best.without, best.ratio.low > found.first.ratio.value) == ("hours", True)
