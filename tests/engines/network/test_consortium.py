"""`run(job, on=Consortium(...))`: a result without a row in sight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hansa.core.job import Data
from hansa.engines.network.calls import Caller
from hansa.engines.network.consortium import Consortium, Visit
from hansa.engines.network.files import save
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError, IdentityError, PartyLost
from hansa.running.verb import run
from tests.engines.network.federation import TEXT, job_of
from tests.engines.network.town import inhabited


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with inhabited(tmp_path_factory.mktemp("town")) as made:
        yield made


def test_the_result_is_the_simulations_but_for_what_needs_rows(town, tmp_path):
    job, rounds = job_of(), []
    path, _ = town.card("anna", "scientist")
    far = run(job, on=Consortium(path), folder=tmp_path / "run", watch=rounds.append)
    near = run(job, on=Simulation(town.parties))
    assert far.model.parameters_sha256 == near.model.parameters_sha256
    assert [point.measures for point in far.history] == [point.measures for point in near.history]
    found, simulated = far.summary()["metrics"], near.summary()["metrics"]
    assert set(found["federated"]) >= {"auc", "gini", "ks", "average_precision", "log_loss", "brier", "counts", "sums"}
    assert found["federated"]["counts"] == simulated["federated"]["counts"]
    assert found["federated"]["auc"] == simulated["federated"]["counts"]["auc"]
    assert found["federated"]["log_loss"] == pytest.approx(simulated["federated"]["log_loss"])
    assert repr(found["parties"]) == repr(simulated["parties"])  # what is not told is no number, equal to nothing
    assert not {"central", "ensemble", "local_mean"} & set(found)
    assert far.scores is None
    for text in (far.table(), far.page()):
        assert "bank-0" in text
    assert (tmp_path / "run" / "events.jsonl").read_text().count("\n") == len(rounds)
    far.keep(tmp_path / "run")
    assert (tmp_path / "run" / "result.json").is_file()


def test_what_a_consortium_cannot_do_is_said(town):
    path, _ = town.card("anna", "scientist")
    job = job_of(TEXT.replace("rounds = 4", "rounds = 2"))
    learned = run(job, on=Simulation(town.parties), baselines=False).model
    given = job_of(
        TEXT.replace("rounds = 4", 'rounds = 2\nstart = "given"').replace('[[steps]]\nuse = "prepare"\n', "")
    )
    with pytest.raises(ConfigError, match="begins by itself"):
        run(given, on=Consortium(path), start=learned)


def test_a_job_that_no_bank_can_answer_fails_in_a_banks_words(town):
    path, _ = town.card("anna", "scientist")
    with pytest.raises(DataError, match=r"is failed.*bank-0.*nothing"):  # as a simulation would
        run(replace(job_of(), data=Data(target="nothing")), on=Consortium(path))


def test_who_has_no_pass_or_another_consortiums_gets_nowhere(town, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        run(job_of(), on=Consortium(tmp_path / "none.toml"))
    _, card = town.card("anna", "scientist")
    save(tmp_path / "other.toml", replace(card, token="00" * 32))
    with pytest.raises(IdentityError, match="does not count here"):
        run(job_of(), on=Consortium(tmp_path / "other.toml"))


def test_a_coordinator_that_is_away_for_longer_than_ones_patience_is_said():
    def away(data):
        del data
        raise PartyLost("The coordinator cannot be reached.")

    with pytest.raises(PartyLost, match="cannot be reached"):
        Visit(Caller(None, away), job_of(), patience=0.0).run()
