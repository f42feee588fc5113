"""The face of the exact regression: words of statsmodels, for frames."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.job import Job
from hansa.core.metrics import auc_of
from hansa.data.parts import HashSplit
from hansa.errors import DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.selection import Select
from hansa.links import secure_sum


@pytest.fixture(scope="module")
def banks():
    return [hs.Party(f"bank-{i}", hs.loan_book(800, seed=i)) for i in range(3)]


def test_a_regression_on_weights_of_evidence_ranks_new_rows_and_points_one_way(banks):
    found = hs.GLM(prepare=Binning(HashSplit(1.0, 0.0, 0.0))).fit(banks)
    fresh = hs.loan_book(2000, seed=77)
    assert auc_of(found.predict(fresh), fresh.y()) > 0.65
    assert found.binning.ivs
    assert set(found.params) == set(found.bse) == set(found.pvalues) == set(found.conf_int())
    low, high = found.conf_int()["const"]
    assert low < found.params["const"] < high
    assert "coef" in found.summary()


def test_counts_with_an_exposure_give_the_rate_that_made_them():
    rng = np.random.default_rng(0)
    parties = []
    for i in range(3):
        x, years = rng.normal(size=2000), rng.uniform(0.2, 1.0, 2000)
        claims = rng.poisson(years * np.exp(-1 + 0.5 * x))
        frame = {"x": x, "log_years": np.log(years), "claims": claims}
        parties.append(hs.Party(f"insurer-{i}", frame, target="claims"))
    face = hs.GLM("poisson", offset="log_years")
    found = face.fit(parties)
    assert found.params["x"] == pytest.approx(0.5, abs=4 * found.bse["x"])
    rate = found.predict({"x": [0.0, 0.0], "log_years": [0.0, np.log(0.5)]})
    assert rate[1] == pytest.approx(rate[0] / 2)
    with pytest.raises(DataError, match="offset"):
        found.predict({"x": [0.0], "log_years": [None]})
    assert Job.from_toml(face.to_job().to_toml()) == face.to_job()


def test_what_a_selection_drops_is_not_needed_to_score(banks):
    found = hs.GLM(prepare=Binning(HashSplit(1.0, 0.0, 0.0)), selection=Select(min_iv=0.1)).fit(banks)
    assert list(found.params) == ["const", *found.selection.kept]
    assert found.selection.dropped
    assert "not valid after selection" in found.summary()
    fresh = hs.loan_book(50, seed=77)
    np.testing.assert_array_equal(found.predict(fresh.select(found.selection.kept)), found.predict(fresh))
    face = hs.GLM(prepare=Binning(), selection=Select(), sums=secure_sum())
    assert Job.from_toml(face.to_job().to_toml()) == face.to_job()
