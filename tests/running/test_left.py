"""What will leave a party is said step by step."""

from __future__ import annotations

from hansa.running.left import left
from tests.running.banks import job, noisy


def test_every_step_says_what_leaves_and_to_whom():
    lines = left(job())
    assert {line["to"] for line in lines} == {"coordinator"}
    words = " ".join(line["what"] for line in lines)
    for part in ("candidate edges", "an update of the model", "validation losses", "test scores", "own model"):
        assert part in words


def test_protection_names_the_links_at_the_party():
    update = next(line for line in left(noisy()) if "update" in line["what"])
    assert "perturb(sigma=0.1, epsilon = infinity)" in update["protection"]
