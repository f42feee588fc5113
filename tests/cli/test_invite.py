"""`hansa invite`: a token in a file of its own, and nowhere else."""

from __future__ import annotations

import tomllib

import pytest


@pytest.fixture(autouse=True)
def consortium(hansa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hansa("consortium", "init", "--address", "hansa.example:7443")


def test_the_token_is_in_its_file_alone(hansa, tmp_path):
    said = hansa("invite", "bank-a")
    path = tmp_path / "bank-a.invitation.toml"
    token = tomllib.loads(path.read_text("utf-8"))["token"]
    assert len(token) == 64
    assert token not in said
    assert path.stat().st_mode & 0o777 == 0o600
    others = [one for one in tmp_path.rglob("*") if one.is_file() and one != path]
    assert others
    assert not [one for one in others if token in one.read_text("utf-8")]


def test_nothing_is_overwritten(hansa, tmp_path):
    hansa("invite", "bank-a")
    before = (tmp_path / "bank-a.invitation.toml").read_bytes()
    assert "Nothing is overwritten" in hansa("invite", "bank-a", code=2)
    assert (tmp_path / "bank-a.invitation.toml").read_bytes() == before


@pytest.mark.parametrize("name", ["../evil", "a/b", "coordinator", "/evil", "..", "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(hansa, tmp_path, name):
    before = sorted(tmp_path.rglob("*"))
    hansa("invite", name, code=2)
    assert sorted(tmp_path.rglob("*")) == before
    assert not list(tmp_path.parent.glob("evil*"))


def test_it_needs_a_consortium(hansa, tmp_path):
    assert "no consortium's folder" in hansa("invite", "bank-a", "--consortium", tmp_path / "none", code=2)
