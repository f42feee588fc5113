"""The verbs put together."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hansa.cli.main import VERBS


def test_every_verb_has_a_help_with_an_example(hansa):
    for verb in VERBS:
        assert "Example:" in hansa(verb.__name__.lower(), "--help")


def test_the_version_is_said(hansa):
    assert hansa("--version").startswith("hansa 0.")


@pytest.mark.parametrize("words", [["frobnicate"], ["run", "--frobnicate"]])
def test_wrong_words_are_exit_2(hansa, words):
    hansa(*words, code=2)


def test_help_loads_nothing_heavy():
    heavy = ("scipy", "pandas", "torch", "safetensors")
    code = f"import sys, hansa.cli.main; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "hansa", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("hansa")
