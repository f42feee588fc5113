"""Score and Wald tests, correlations and inflation: what statsmodels says of the same rows; ties to the first."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.errors import DataError
from hansa.horizontal.stepwise import Standing, correlations, greatest, inflation


def rows(seed=0, n=600):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    X[:, 1] += 0.7 * X[:, 0]
    y = (rng.random(n) < 1 / (1 + np.exp(1 - X[:, 0] + 0.1 * X[:, 2]))).astype(float)
    return np.column_stack([np.ones(n), X]), y


def standing(A, y, beta):
    eta = A @ beta
    p = 1 / (1 + np.exp(-eta))
    deviance = 2 * float(np.logaddexp(0, eta).sum() - y @ eta)
    return Standing(beta, deviance, A.T @ (y - p), (A * (p * (1 - p))[:, None]).T @ A)


def at_rest(A, y, inside):
    point = standing(A, y, np.zeros(A.shape[1]))
    for _ in range(30):
        point = standing(A, y, point.beta + point.step(inside))
    return point


def test_score_and_wald_tests_are_those_of_statsmodels():
    sm = pytest.importorskip("statsmodels.api", reason="statsmodels: the oracle of regressions, extra dev")
    A, y = rows()
    for inside in ([], [0], [1, 2], [0, 1]):
        at = [0, *(i + 1 for i in inside)]
        fit = sm.GLM(y, A[:, at], family=sm.families.Binomial()).fit(tol=1e-14)
        point = at_rest(A, y, inside)
        np.testing.assert_allclose(point.beta[at], fit.params, rtol=1e-8)
        np.testing.assert_allclose(point.wald(inside), fit.tvalues[1:], rtol=1e-7)
        for j in set(range(3)) - set(inside):
            oracle = float(np.squeeze(fit.score_test(exog_extra=A[:, [j + 1]])[0]))
            chi2, way = point.score(j, inside)
            assert chi2 == pytest.approx(oracle, rel=1e-7)
            assert way == np.sign(A[:, j + 1] @ (y - fit.fittedvalues))


def test_fewer_candidates_stand_where_they_stood():
    A, y = rows()
    point, fewer = at_rest(A, y, [2]), at_rest(A, y, [2]).of([0, 2])
    assert fewer.score(0, [1]) == point.score(0, [2])
    assert fewer.wald([1]).tolist() == point.wald([2]).tolist()


def test_a_column_that_others_determine_has_no_score_and_no_place():
    A, y = rows()
    A = np.column_stack([A, A[:, 1] + A[:, 2]])
    point = at_rest(A, y, [0, 1])
    assert point.score(3, [0, 1]) == (0.0, 0.0)
    flat = Standing(np.zeros(2), 1.0, np.zeros(2), np.zeros((2, 2)))
    with pytest.raises(DataError, match="determine each other"):
        flat.step([0])


def test_correlations_and_inflation_are_those_of_the_rows():
    A, _ = rows()
    R = correlations(3.0 * A.T @ A)
    np.testing.assert_allclose(R, np.corrcoef(A[:, 1:].T), atol=1e-12)
    np.testing.assert_allclose(inflation(R), np.diag(np.linalg.inv(R)), rtol=1e-9)
    twice = correlations(np.column_stack([A, A[:, 1]]).T @ np.column_stack([A, A[:, 1]]))
    assert np.isinf(inflation(twice)[[0, 3]]).all()


def test_the_first_of_equals_is_the_greatest():
    assert greatest([3.0, 3.0 * (1 + 1e-9)]) == 0
    assert greatest([-3.0 * (1 + 1e-9), -3.0, -1.0]) == 2
    assert greatest([1.0, np.inf, np.inf]) == 1
    assert greatest([0.0]) == 0
