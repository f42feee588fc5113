"""An ensemble of locals, worked out again with scikit-learn alone; and it says plainly what it is."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

import hansa as hs
from hansa.core.job import Job
from hansa.core.party import Party
from hansa.core.table import Column
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError, TooFewParties
from hansa.horizontal.prepare import Prepare
from hansa.running.ensemble import ensemble_of_locals
from hansa.trainers.on_sklearn import Sklearn, on_sklearn
from tests.running.banks import banks, columns


def forest(kind=RandomForestClassifier, **settings):
    return kind(15, min_samples_leaf=5, **settings)


def with_columns(party, **found):
    table = party.table("")
    return Party(party.name, {"": table.with_columns([Column.of(name, values) for name, values in found.items()])})


def parts(party, fitted):
    """A party's prepared training and test rows, and their targets."""
    table = party.table("")
    codes = fitted.prepared.split.codes(table)
    chosen = [table.take(np.flatnonzero(codes == part)) for part in (0, 2)]
    return [(fitted.prepared.transform(some), some.y()) for some in chosen]


BANKS = [hs.Party(f"bank-{i}", columns(i, rows=800), target="late", id="who") for i in range(3)]


@pytest.fixture(scope="module")
def fitted():
    return ensemble_of_locals(forest(random_state=3)).fit(BANKS)


def test_it_is_the_plain_mean_of_what_each_bank_fits_on_its_own_training_rows(fitted):
    rows = [parts(party, fitted) for party in BANKS]
    models = [clone(forest(random_state=3)).fit(X, y.astype(int)) for (X, y), _ in rows]
    tests = np.concatenate([X for _, (X, _) in rows])
    truth = np.concatenate([y for _, (_, y) in rows])
    each = [model.predict_proba(tests)[:, 1] for model in models]
    mean = np.mean(each, axis=0)
    metrics = fitted.metrics
    assert metrics["ensemble"]["auc"] == pytest.approx(roc_auc_score(truth, mean), abs=1e-12)
    assert metrics["ensemble"]["log_loss"] == pytest.approx(log_loss(truth, mean), abs=1e-9)
    alone = [roc_auc_score(truth, one) for one in each]
    assert metrics["local_mean"]["auc"] == pytest.approx(np.mean(alone), abs=1e-12)
    fresh = columns(7, rows=40)
    X = fitted.prepared.transform(hs.Party("new", fresh).table(""))
    chance = fitted.predict_proba(fresh)
    assert np.allclose(chance, np.mean([model.predict_proba(X) for model in models], axis=0), atol=1e-12)
    assert (fitted.predict(fresh) == (chance[:, 1] > chance[:, 0])).all()


def test_each_bank_is_told_what_it_gains_over_its_own_model(fitted):
    for party in BANKS:
        told, (X, y) = fitted.metrics["parties"][party.name], parts(party, fitted)[1]
        own = fitted.members[party.name].predict_proba(X)[:, 1]
        assert told["local"]["auc"] == pytest.approx(roc_auc_score(y, own), abs=1e-12)
        assert told["ensemble"]["auc"] == pytest.approx(roc_auc_score(y, fitted.mean(X)[:, 1]), abs=1e-12)
        assert told["gain"]["auc"] == pytest.approx(told["ensemble"]["auc"] - told["local"]["auc"], abs=1e-12)
        assert told["gain"]["low"] < told["gain"]["auc"] < told["gain"]["high"]


def test_the_summary_says_what_it_is_and_speaks_of_no_federated_model(fitted):
    text = fitted.summary()
    assert "own AUC  ensemble" in text
    assert "mean of own models" in text
    assert "unweighted mean of the probabilities of 3 models (RandomForestClassifier)" in text
    assert "stay in this process" in text
    assert "federated" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_seed_says_all_and_no_two_banks_draw_alike():
    fits = [ensemble_of_locals(forest(), seed=seed).fit(banks()) for seed in (1, 1, 2)]
    fresh = columns(7, rows=40)
    one, again, other = (fit.predict_proba(fresh) for fit in fits)
    assert (one == again).all()
    assert (one != other).any()
    assert len({model.random_state for model in fits[0].members.values()}) == 3


@pytest.mark.parametrize(
    "estimator",
    [HistGradientBoostingClassifier(max_iter=30, min_samples_leaf=10), make_pipeline(PolynomialFeatures(2), forest())],
    ids=["boosting", "pipeline"],
)
def test_any_classifier_and_a_target_in_words(estimator):
    prepare = Prepare(drop=("who",), numeric="bins")
    fitted = ensemble_of_locals(estimator, prepare=prepare, positive="yes").fit(banks(words=True))
    assert fitted.metrics["ensemble"]["auc"] > 0.6
    with pytest.raises(DataError, match="positive"):
        ensemble_of_locals(estimator, prepare=prepare).fit(banks(words=True))


def test_values_with_weights():
    parties = []
    for party in banks():
        income = party.table("").column("收入").floats()
        weight = np.where(income > np.exp(10), 20.0, 1.0)
        heavy = with_columns(party, late=np.log(income), exposure=weight).table("")
        parties.append(hs.Party(party.name, heavy, target="late", id="who", weight="exposure"))
    fitted = ensemble_of_locals(forest(RandomForestRegressor)).fit(parties)
    assert fitted.metrics["ensemble"]["r2"] > 0.8
    assert "unweighted mean of the values" in fitted.summary()
    assert "weigh each row by 'exposure'" in fitted.summary()
    assert np.abs(fitted.predict(columns(7, rows=40)) - np.log(columns(7, rows=40)["收入"])).mean() < 0.5
    with pytest.raises(DataError, match="Call predict"):
        fitted.predict_proba(columns(7, rows=4))
    with pytest.raises(DataError, match="Pass a regressor"):
        ensemble_of_locals(forest()).fit(parties)


def test_three_classes_of_which_a_bank_lacks_one():
    rng = np.random.default_rng(0)
    parties = [
        with_columns(party, late=rng.integers(0, 3 if i else 2, len(party.table(""))))
        for i, party in enumerate(banks())
    ]
    fitted = ensemble_of_locals(forest()).fit(parties)
    chance = fitted.predict_proba(columns(7, rows=40))
    assert chance.shape == (40, 3)
    assert np.allclose(chance.sum(axis=1), 1)
    assert fitted.metrics["parties"]["bank-1"]["gain"]["low"] < fitted.metrics["parties"]["bank-1"]["gain"]["high"]
    assert "own accuracy  ensemble" in fitted.summary()


def test_a_bank_that_cannot_fit_has_no_model_in_it_and_is_told():
    small, single = hs.Party("small", columns(8, rows=20), target="late", id="who"), banks(4)[3]
    single = with_columns(single, late=np.zeros(len(single.table("")), int))
    fitted = ensemble_of_locals(forest()).fit([*banks(), small, single])
    assert set(fitted.members) == {"bank-0", "bank-1", "bank-2"}
    assert "small has no model in it: too few training rows." in fitted.summary()
    assert "bank-3 has no model in it: training rows of one class." in fitted.summary()
    assert fitted.metrics["parties"]["bank-3"]["note"] == "its own model could not be trained"
    with pytest.raises(TooFewParties):
        ensemble_of_locals(forest()).fit(banks(2))
    none = [with_columns(party, late=np.full(260, i % 2)) for i, party in enumerate(banks())]
    with pytest.raises(DataError, match="No party can fit"):
        ensemble_of_locals(forest()).fit(none)


def test_codes_are_no_numbers():
    with pytest.raises(ConfigError, match="holds codes"):
        ensemble_of_locals(forest(), prepare=Prepare(categorical="codes")).fit(banks())


def test_it_stays_where_it_is_and_says_why(fitted, tmp_path):
    face = ensemble_of_locals(forest())
    ways = (
        lambda: fitted.save(tmp_path),
        lambda: pickle.dumps(fitted),
        lambda: copy.deepcopy(fitted),
        face.to_job,
        lambda: hs.Rounds(face),
        lambda: face.fit(Simulation(banks())),
        lambda: face.fit([]),
    )
    for way in ways:
        with pytest.raises(ConfigError, match=r"customers' values .* only a pickle .* take LogisticClassifier"):
            way()
    assert not any(tmp_path.iterdir())


def test_where_a_trainer_is_wanted_it_is_pointed_to():
    text = 'name = "a"\nsteps = [{use = "rounds", trainer = {use = "sklearn", estimator = "RandomForestClassifier"}}]'
    for way in (lambda: on_sklearn(forest()), lambda: Sklearn("KNeighborsClassifier"), lambda: Job.from_toml(text)):
        with pytest.raises(ConfigError, match=r"hansa\.ensemble_of_locals\("):
            way()
