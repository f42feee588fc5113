"""Whole points stand for the regression they come from."""

from __future__ import annotations

import numpy as np
import pytest

import hansa as hs
from hansa.core.table import Table
from hansa.errors import ConfigError, DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.card import Calibration, Card, Characteristic, Scaling
from hansa.horizontal.regression import Regression
from hansa.horizontal.woe import Cells
from hansa.running.regressions import GLM, GLMResults
from tests.horizontal.banks import coded


@pytest.fixture(scope="module")
def found() -> GLMResults:
    banks = [hs.Party(f"bank-{i}", hs.loan_book(800, seed=i)) for i in range(3)]
    return GLM(prepare=Binning(keep=("income", "debt_to_income", "housing"))).fit(banks)


def test_points_stand_for_the_regression_within_their_rounding(found: GLMResults) -> None:
    assert found.binning is not None
    card = Card.of(found.regression, found.binning, Scaling(points=500, odds=20, pdo=40))
    rows = hs.loan_book(500, seed=9)
    exact = card.scaling.score(np.log(1 / found.predict(rows) - 1))
    assert np.abs(card.score(rows) - exact).max() <= 0.5 * (1 + len(card.columns))
    assert card.lowest <= card.score(rows).min() <= card.score(rows).max() <= card.highest
    assert (np.diff(card.probability(np.arange(card.lowest, card.highest))) < 0).all()  # higher is safer


def test_pdo_points_double_the_odds() -> None:
    scale = Scaling(points=600, odds=50, pdo=20)
    odds = np.exp(scale.log_odds(np.array([580, 600, 640])))
    np.testing.assert_allclose(odds, [25, 50, 200])
    np.testing.assert_allclose(scale.score(np.log(odds)), [580, 600, 640])


def test_calibration_moves_the_chance_and_no_point() -> None:
    age = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 0), (-0.6, 0.7, 0.0))
    plain, moved = Card((age,), 600), Card((age,), 600, calibration=Calibration(np.log(2.0), 1.0))
    odds = [1 / card.probability(np.array([600.0]))[0] - 1 for card in (plain, moved)]
    np.testing.assert_allclose(odds, [50.0, 100.0])


@pytest.mark.parametrize("wrong", [{"odds": 0.0}, {"pdo": -20.0}, {"points": np.inf}])
def test_a_scale_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="odds and pdo above 0"):
        Scaling(**wrong)


def test_what_cannot_be_a_card_is_refused(found: GLMResults) -> None:
    assert found.binning is not None
    with pytest.raises(DataError, match="logistic regression"):
        Card.of(Regression(("const",), np.zeros(1), np.eye(1), family="poisson"), found.binning, Scaling())
    with pytest.raises(DataError, match="'height' was not binned"):
        Card.of(Regression(("const", "height"), np.zeros(2), np.eye(2)), found.binning, Scaling())


def test_a_missing_column_is_named(found: GLMResults) -> None:
    assert found.binning is not None
    with pytest.raises(DataError, match="lacks column 'income'"):
        Card.of(found.regression, found.binning, Scaling()).score(
            Table.of({"debt_to_income": [0.2], "housing": ["own"]})
        )


def test_grades_are_the_master_scale_from_the_safest_on() -> None:
    card = Card((), 600, grades=(0.01, 0.02, 0.05))
    scores = np.arange(400, 700)
    grades, chance = card.grade(scores), card.probability(scores)
    assert set(grades) == {1, 2, 3, 4}
    assert (np.diff(grades) <= 0).all()
    assert chance[grades == 2].min() > 0.01 >= chance[grades == 1].max()
    assert Card((), 600).grade(scores).tolist() == [1] * 300


def test_codings_make_the_points_of_a_table() -> None:
    one = Characteristic(Cells("age", edges=(30.0,)), (-9, 11, 2), (-0.6, 0.7, 0.0))
    rows = Table.of({"age": [25, 40, None]})
    card = Card((one,), 600)
    assert coded(card.codings[0], rows.column("age"))[:, 0].tolist() == card.points(rows)[:, 0].tolist()
