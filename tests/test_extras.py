"""A library that is missing is one sentence; one that is broken is not hidden behind it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from hansa.errors import ConfigError
from hansa.extras import EXTRAS, need


class Nothing:
    """A finder before all others that finds no optional library."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(name=name)


@pytest.mark.parametrize(("library", "extra"), EXTRAS.items())
def test_a_missing_library_names_its_extra(library, extra, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Nothing(), *sys.meta_path])
    with pytest.raises(ConfigError, match=rf"'{library}'.*hansa\[{extra}\]"):
        need(library)


def test_every_extra_is_one_that_the_package_has():
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(EXTRAS.values()) <= set(project["optional-dependencies"])


def test_a_library_that_breaks_on_import_says_so_itself(tmp_path, monkeypatch):
    (tmp_path / "hansa_broken.py").write_text("import hansa_broken_inside")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match="hansa_broken_inside"):
        need("hansa_broken")


def test_a_library_that_is_there_and_lacks_a_part_says_so_itself(tmp_path, monkeypatch):
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "__init__.py").write_text("import wandb.no_such_part")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "wandb"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match="no_such_part"):
        need("wandb")
