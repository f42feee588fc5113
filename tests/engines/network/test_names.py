"""Names that could lead elsewhere, or be taken for others, are nobody's."""

from __future__ import annotations

import pytest

from hansa.engines.network.names import Subject
from hansa.errors import ConfigError


@pytest.mark.parametrize("name", ["bank-a", "甲银行", "Crédit Agricole", "Bank (1)", "株式会社 銀行", "a" * 64])
def test_a_name_is_any_that_a_folder_can_have(name):
    assert Subject(name).uri.isascii()


@pytest.mark.parametrize(
    "name",
    [
        "",
        " a",
        "..",
        "../bank-b",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "a\0b",
        "a\nb",
        ".hidden",
        "-x",
        "a" * 65,
        "e\u0301clair",  # an accent of its own: looks like another name
        "bank\u200b-a",  # a space without a width
        "bank\u202e-a",  # turns the rest around
        "coordinator",
        "Coordinator",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError):
        Subject(name)


def test_two_names_have_two_uris():
    names = ["a b", "a+b", "a%20b", "a", "A"]
    assert len({Subject(name).uri for name in names}) == len(names)
    assert Subject("coordinator", "coordinator").uri == "urn:hansa:coordinator:coordinator"
