"""What needs an optional library that is not here is skipped with its extra; any other broken import fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HIDES = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] == "torch" else find(name, *rest)
"""
TEST = "def test_one():\n"


def run(folder: Path, *options: str, counted: str = "", **files: str) -> subprocess.CompletedProcess[str]:
    """Run pytest where torch cannot be found, on these files, with the project's own rules of collection."""
    shutil.copy(Path(__file__).parents[1] / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for name, text in {"hides": HIDES, **files}.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    ours = ["-p", "hides", "-p", "no:cacheprovider", "--import-mode=importlib", "--doctest-modules", "-q", "-rs"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HANSA", "PYTEST"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *ours, *options, "--ignore=hides.py"],
        cwd=folder,
        env=clean | {"PYTHONPATH": str(folder), "HANSA_NO_SKIPS": counted},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "text",
    [
        f"import torch\n\n{TEST}    pass\n",
        f"{TEST}    import torch.nn\n",
        f"{TEST}    from hansa.extras import need\n    need('torch')\n",
        f"{TEST}    import hansa\n    hansa.on_torch\n",
        "def one():\n    '''One.\n\n    >>> import torch\n    >>> torch.nn\n    '''\n",
    ],
    ids=["file", "test", "need", "face", "doctest"],
)
def test_what_lacks_a_library_is_skipped_with_its_extra(tmp_path: Path, text: str):
    done = run(tmp_path, test_it=text, test_other=f"{TEST}    pass\n")
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "needs torch (extra 'torch')" in done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize(
    "text",
    [
        f"import no_such_library\n\n{TEST}    pass\n",
        f"import json.no_such_part\n\n{TEST}    pass\n",
        f"{TEST}    import no_such_library\n",
        f"{TEST}    raise ModuleNotFoundError(name='jax')\n",
    ],
    ids=["file", "part", "test", "a library that is here"],
)
def test_every_other_failed_import_fails(tmp_path: Path, text: str):
    if "jax" in text:
        pytest.importorskip("jax")
    done = run(tmp_path, test_it=text, test_other=f"{TEST}    pass\n")
    assert done.returncode in {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}, done.stdout
    assert "skipped" not in done.stdout


def test_a_module_that_broke_off_is_not_taken_for_a_whole_one_later(tmp_path: Path):
    room = {"room/__init__": "", "room/heavy": "import torch\n\nWHOLE = True\n"}
    after = f"{TEST}    try:\n        from room.heavy import WHOLE\n    except ModuleNotFoundError:\n        pass\n"
    done = run(tmp_path, **room, test_room=after)
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "1 passed" in done.stdout


def test_where_skips_are_counted_such_a_skip_fails(tmp_path: Path):
    counts = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    files = {"tests/conftest": counts, "tests/test_it": f"import torch\n\n{TEST}    pass\n"}
    done = run(tmp_path, "tests", counted="1", **files, **{"tests/test_other": f"{TEST}    pass\n"})
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "unexpected skip" in done.stdout
    assert "needs torch" in done.stdout
