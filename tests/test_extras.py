"""A library that is missing is one sentence; one that is broken is not hidden behind it."""

from __future__ import annotations

import pytest

from hansa.errors import ConfigError
from hansa.extras import need


def test_a_missing_library_names_its_extra():
    with pytest.raises(ConfigError, match=r"'hansa_no_such.part'.*hansa\[sql\]"):
        need("hansa_no_such.part", "sql")


def test_a_library_that_breaks_on_import_says_so_itself(tmp_path, monkeypatch):
    (tmp_path / "hansa_broken.py").write_text("import hansa_broken_inside")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match="hansa_broken_inside"):
        need("hansa_broken", "sql")
