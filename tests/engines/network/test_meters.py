"""The figures of a coordinator and a node that are at work, scraped as they run."""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hansa.core.message import Refusal
from hansa.engines.network.coordinator import Coordinator
from hansa.engines.network.health import Address, exposed
from hansa.engines.network.identity import Identity
from hansa.engines.network.meters import Meters, of_node, size_of
from hansa.errors import ConfigError, PolicyRefusal
from tests.engines.network.federation import job_of
from tests.engines.network.test_coordinator import follow, until
from tests.engines.network.town import inhabited

__all__ = ["town"]


@pytest.fixture
def town(tmp_path, monkeypatch):
    """A coordinator that tells of itself."""
    plain = Coordinator.__init__

    def telling(self, folder, beat):
        plain(self, folder, beat, Address.of("127.0.0.1:0"))

    monkeypatch.setattr(Coordinator, "__init__", telling)
    with inhabited(tmp_path) as made:
        yield made


def figures(text):
    found = {}
    for one in text_string_to_metric_families(text):
        for sample in one.samples:
            found[(sample.name, *sample.labels.values())] = sample.value
    return found


def scraped(town):
    with urllib.request.urlopen(f"http://127.0.0.1:{town.coordinator.health_port}/metrics", timeout=5) as answer:
        return figures(answer.read().decode())


def test_a_coordinator_tells_of_rounds_words_bytes_parties_and_certificates(town):
    follow(town, job_of())
    found = scraped(town)
    assert found["hansa_parties",] == 3
    assert found["hansa_calls_total", "people", "done"] >= 3  # submitted, followed, brought
    with pytest.raises(ConfigError):
        town.calls("anna", "scientist").stop("0123456789ab")
    assert scraped(town)["hansa_calls_total", "people", "refused"] == 1
    assert found["hansa_party_connected", "bank-1"] == 1
    assert found["hansa_jobs", "done"] == 1
    assert found["hansa_rounds_total",] == 4
    assert found["hansa_round_seconds_total",] > 0
    words = {name: value for name, value in found.items() if name[0] == "hansa_words_total"}
    assert {name[2] for name in words} == {"new"}
    assert len(set(words.values())) == 1
    assert all(found["hansa_bytes_total", name, way] > 1000 for name in ("bank-0", "bank-2") for way in ("in", "out"))
    assert found["hansa_frames_total", "bank-0", "in"] > found["hansa_words_total", "bank-0", "new"]
    assert found["hansa_store_bytes",] > 10_000
    assert 364 < found["hansa_certificate_days", "bank-0", "signing"] < 366
    assert 3000 < found["hansa_certificate_days", "coordinator", "authority"] < 3660


def test_refusals_and_lines_that_came_back_are_counted_and_who_is_away_is_seen(town):
    town.refusals["bank-1"] = Refusal("Not on a Sunday.")
    with pytest.raises(PolicyRefusal):
        follow(town, job_of())
    town.leave("bank-2")
    town.join(town.parties[2])
    until(lambda: scraped(town)["hansa_lines_total", "bank-2"] == 2)
    found = scraped(town)
    assert found["hansa_refusals_total", "bank-1"] >= 1
    town.org.revoke("bank-2", "left", datetime.now(UTC))
    until(lambda: scraped(town)["hansa_parties",] == 2)
    assert ("hansa_party_connected", "bank-2") not in scraped(town)
    assert found["hansa_jobs", "failed"] == 1


def test_a_node_tells_of_what_left_by_its_ledger(town):
    follow(town, job_of())
    _, store, node = town.nodes["bank-0"]
    identity = Identity.read(town.folder / "bank-0" / "keys")
    found = figures(exposed(of_node(node, identity, Meters())).decode())
    lines = [one.line for one in store.ledger.lines()]
    assert found["hansa_payloads_left_total",] == len(lines) > 0
    assert found["hansa_payload_bytes_left_total",] == sum(line.size for line in lines)
    assert found["hansa_connected",] == 1
    assert found["hansa_jobs_refused_total",] == 0
    assert found["hansa_store_bytes",] == size_of(town.folder / "bank-0" / "state")
    assert 364 < found["hansa_certificate_days", "bank-0", "tls"] < 366
