"""A consortium of three banks, made once."""

from __future__ import annotations

import shutil

import pytest

from tests.engines.network.banks import consortium, enrolled


@pytest.fixture(scope="session")
def first(tmp_path_factory):
    """Three banks, one with a Chinese name, and their folders; not to be changed."""
    folder = tmp_path_factory.mktemp("consortium")
    members = consortium(folder / "three")
    for name in ("bank-a", "bank-b", "甲银行"):
        enrolled(members, name, folder / name)
    return folder


@pytest.fixture
def place(first, tmp_path):
    """A copy of it, for tests that change something."""
    return shutil.copytree(first, tmp_path / "copy")
