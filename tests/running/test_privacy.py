"""What a job promises is what its links guarantee, and no more."""

from __future__ import annotations

from hansa.running.privacy import privacy
from tests.running.banks import job, noisy


def test_a_plain_job_claims_nothing():
    found = privacy(job())
    assert found["epsilon"] is None
    assert "no finite epsilon" in found["statement"]
    assert "coordinator sees each party's" in found["statement"]


def test_textbook_noise_is_infinity():
    found = privacy(noisy())
    assert found["epsilon"] == "infinity"
    assert "epsilon = infinity" in found["statement"]


def test_noise_from_the_seed_claims_no_privacy():
    assert "no privacy is claimed" in privacy(noisy(reproducible_noise=True))["statement"]
