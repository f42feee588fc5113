"""The files of a validated run: written with its folder, and again by `hansa report`."""

from __future__ import annotations

import json

from hansa.running.pack import CARD, VALIDATION, pack_files
from tests.report.reader import read_page
from tests.report.validations import summary


def test_pages_and_json_say_the_same():
    files = pack_files(summary())
    assert sorted(files) == ["model_card.html", "model_card.json", "validation.html", "validation.json"]
    assert json.loads(files["validation.json"])["validation"] == summary()["validation"]
    assert json.loads(files["model_card.json"])["test"]["rows"] == summary()["validation"]["rows"]
    for name in (VALIDATION, CARD):
        read_page(files[name])
