"""A fitted regression: its page, its figures, and what it predicts."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.step import Done
from hansa.errors import DataError, JobError
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.regression import Regression, regression_in
from hansa.horizontal.rounds import Learning
from hansa.horizontal.woe import Cells


def small(**more):
    names, params = ("const", "age"), np.array([-1.0, 0.2])
    given = {"rows": 100, "mass": 100.0, "deviance": 80.0, "null_deviance": 100.0, "converged": True, **more}
    return Regression(names, params, np.diag([0.25, 0.01]), **given)


def test_the_page_holds_every_coefficient_and_every_warning():
    page = small(
        aliased={"b": "determined by age"}, references=("home=own",), separated=("c",), ridge=2.0, firth=True
    ).summary()
    for word in ("const", "age", "0.2000", "2.000", "0.046", "80", "AIC", "84", "b is determined by age", "home=own"):
        assert word in page
    for word in ("separate the outcomes: c", "Ridge 2", "Firth"):
        assert word in page
    assert "has not converged" in small(converged=False).summary()
    assert "has not converged" not in small().summary()


def test_figures_follow_from_sums():
    found = small()
    assert (found.llf, found.aic, found.df_resid, found.scale) == (-40.0, 84.0, 98, 1.0)
    assert found.pseudo_rsquared == pytest.approx(0.2)
    assert small(family="gamma", link_function="log", pearson_chi2=49.0).scale == 0.5
    assert np.isnan(small(family="tweedie", link_function="log", pearson_chi2=1.0).llf)


def test_predictions_take_columns_by_name_and_an_offset():
    found = small()
    X = np.array([[9.0, 0.0], [9.0, 5.0]])
    np.testing.assert_allclose(found.predict(X, ("other", "age")), 1 / (1 + np.exp([1.0, 0.0])))
    np.testing.assert_allclose(found.predict(X, ("other", "age"), np.array([1.0, 0.0])), [0.5, 0.5])
    with pytest.raises(DataError, match="Did you mean 'age'"):
        found.param("aged")


def test_rounds_on_binned_columns_are_a_regression_of_those_of_the_right_sign():
    counts = np.array([[9.0, 6.0, 0.0], [1.0, 4.0, 0.0]])
    bins = BinningProcess(tuple(BinningTable(Cells(name, edges=(3.0,)), counts, (0, 1)) for name in ("age", "b")))
    rounds, exact = Learning(2, np.array([-0.5, 0.0, -1.5])), small()
    found, turned = regression_in(Done((bins, exact, rounds)))
    assert (found.names, found.params.tolist(), turned) == (("const", "age"), [-1.5, -0.5], ("b",))
    assert np.isnan(found.bse).all()
    assert regression_in(Done((bins, rounds, exact))) == (exact, ())
    with pytest.raises(DataError, match="nothing to make a scorecard of"):
        regression_in(Done((bins, Learning(2, np.array([0.5, 0.1, -1.5])))))
    for done in (Done((bins, Learning(2, np.zeros(7)))), Done((rounds,))):
        with pytest.raises(JobError, match="No earlier step"):
            regression_in(done)
