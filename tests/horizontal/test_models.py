"""What a job ends in: rounds and regressions alike are a trainer, parameters and a preparation."""

from __future__ import annotations

import numpy as np
import pytest

from hansa.core.step import Done
from hansa.core.table import Table
from hansa.errors import ConfigError, JobError
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.binning_table import BinningTable
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.glm import Glm
from hansa.horizontal.models import Modelling, learned_in, made_by, prepared_in, read_by
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.regression import Regression
from hansa.horizontal.rounds import Learning, Rounds
from hansa.horizontal.woe import Cells

COUNTS = np.array([[90.0, 60.0, 0.0], [10.0, 40.0, 0.0]])
PROCESS = BinningProcess(tuple(BinningTable(Cells(n, edges=(30.0,)), COUNTS, (0, 1)) for n in ("age", "income", "new")))
FOUND = Regression(("const", "new", "age"), np.array([-1.0, -0.5, -0.8]), np.eye(3))


def test_a_regression_scores_by_a_trainer_what_it_predicts():
    rows = Table.of({"age": [20, 40, None], "income": [1, 2, 3], "new": [50, 10, 10]})
    for prepared in (PROCESS.prepared, FOUND.reads(PROCESS.prepared)):
        learning, trainer = FOUND.learning(prepared), Glm().trainer
        params = {"coef": learning.chosen[:-1, None], "intercept": learning.chosen[-1:]}
        X = prepared.transform(rows)
        assert learning.width == prepared.width == X.shape[1]
        np.testing.assert_allclose(trainer.predict(params, X), FOUND.predict(X, prepared.names), rtol=1e-14)
    assert prepared.columns == ("age", "new")


def test_one_without_a_constant_or_a_preparation():
    bare = Regression(("age",), np.array([2.0]), np.eye(1))
    assert bare.learning(PROCESS.prepared).chosen.tolist() == [2.0, 0.0, 0.0]
    assert not Glm(intercept=False).trainer.intercept
    assert bare.reads(None) is None
    with pytest.raises(ConfigError, match="raw columns scores no rows"):
        bare.learning(None)


def test_the_latest_model_and_the_latest_preparation_count():
    own, rounds = Prepared(()), Learning(1, np.zeros(2))
    assert prepared_in(Done((PROCESS, FOUND))).names == ("age", "income", "new")
    assert prepared_in(Done((PROCESS, own))) is own
    assert learned_in(Done((FOUND, rounds)), own) is rounds
    assert learned_in(Done((rounds, FOUND)), PROCESS.prepared).width == 3
    assert read_by(Done((PROCESS, rounds)), own) is own
    assert read_by(Done((PROCESS, FOUND)), PROCESS.prepared).names == ("age", "new")
    with pytest.raises(JobError, match="No earlier step gives a model"):
        learned_in(Done((PROCESS,)), own)


def test_steps_that_end_in_a_model_are_told_from_those_that_do_not():
    assert [isinstance(step, Modelling) for step in (Rounds(), Glm(), Evaluate())] == [True, True, False]
    assert Glm(ridge=1.0).alone(first=False) == Glm(ridge=1.0)


def test_of_a_job_that_was_ended_the_last_step_with_a_model_has_made_it():
    steps = (Prepare(), Rounds(rounds=3), Rounds(rounds=9, start="given"))
    learning = Learning(1, np.zeros(2))
    assert made_by(steps, Done((Prepared(()),))) is None
    assert made_by(steps, Done((Prepared(()), learning))) is steps[1]
    assert made_by(steps, Done((Prepared(()), learning, learning))) is steps[2]
