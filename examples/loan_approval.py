"""Loan approval at four lenders: one scorecard, decisions, the reasons for a decline as a letter, and a fairness test.

Sex is in every lender's books, to test for disparities; it is prohibited, and never enters the card.
"""

import numpy as np

import hansa as hs
from hansa.horizontal.binning import Binning
from hansa.horizontal.fairness import Fairness
from hansa.horizontal.glm import Glm
from hansa.horizontal.reasons import Explain, Words, check_words, worded
from hansa.horizontal.scorecard import MakeCard
from hansa.report.letter import Letter


def book(i: int) -> dict:
    """Applications of the past; one sex earns less, and income is what tells most."""
    rng = np.random.default_rng(i)
    sex, income, debt, years = rng.integers(0, 2, 4000), *rng.normal(size=(3, 4000))
    income = income - 0.5 * sex
    late = rng.random(4000) < 1 / (1 + np.exp(1.5 + income - 0.7 * debt + 0.5 * years))
    return {"sex": np.where(sex, "f", "m"), "income": income, "debt": debt, "years": years, "late": late.astype(int)}


lenders = hs.Simulation([hs.Party(f"lender-{i}", book(i), target="late") for i in range(4)], workers=1)
fairness = Fairness(("sex",), cut_off=540, reference={"sex": "m"})
steps = (Binning(drop=("sex",)), Glm(), MakeCard(), Explain(), fairness, hs.Evaluate())
result = hs.run(hs.Job("approval", steps), on=lenders, baselines=False)
texts = {"income": "Income insufficient for the amount", "debt": "Excessive obligations", "years": "Time employed"}
words = {name: Words(text, missing=f"Unable to verify: {name}") for name, text in texts.items()}
check_words(result.model.reasons, words)  # nobody is declined before every reason has words
applicants = hs.Table.of(book(9))
declined = applicants.take(np.flatnonzero(result.model.card.score(applicants) < 540))
whys = [worded(why, words) for why in result.model.reasons.of(declined) if why]
print(Letter("First Lender", whys[0], agency="the Federal Trade Commission, Washington, DC 20580").text())
women = result.facts["fairness"]["groups"][0]
print("approval rate of women over that of men:", {end: round(x, 3) for end, x in women["ratio"].items()})
found = (result.metrics["federated"]["auc"] > 0.75, len(whys) > 0.9 * len(declined), women["adverse"])
assert found == (True, True, True)
