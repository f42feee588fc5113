"""Every example notebook runs from its first cell to its last assert, in a kernel of its own; it is kept bare."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples" / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def read(path):
    import nbformat

    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
def test_it_runs_to_its_last_assert(path, tmp_path, monkeypatch):
    from nbclient import NotebookClient

    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # jupyter_core warns where nobody says so
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # what one user has set up is not tested
    done = NotebookClient(read(path), timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    done.execute()
    shown = [output for cell in code(done.nb) for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    assert not [output.text for output in shown if output.get("name") == "stderr"]
    assert any("<iframe" in output.get("data", {}).get("text/html", "") for output in shown)


def test_it_is_kept_without_output(path):
    for cell in code(read(path)):
        assert cell.outputs == []
        assert cell.execution_count is None


def test_it_installs_hansa_where_it_is_missing_and_ends_in_an_assert(path):
    first, *_, last = code(read(path))
    assert "except ModuleNotFoundError:\n    %pip install --quiet hansa" in first.source
    assert isinstance(ast.parse(last.source).body[-1], ast.Assert)


def test_it_opens_anywhere(path):
    kernel = read(path).metadata.kernelspec
    assert (kernel.name, kernel.language) == ("python3", "python")
