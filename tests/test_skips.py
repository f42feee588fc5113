"""Under HANSA_NO_SKIPS=1 a skip that nobody expects fails the run; a soak test or missing shared data does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "import pytest\n\n"
ONE = "def test_one():\n    pytest.skip({reason!r})\n"
PASSES = "def test_other():\n    assert True\n"


def run(folder: Path, text: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(Path(__file__).with_name("conftest.py"), folder / "conftest.py")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_it.py").write_text(HEAD + text + PASSES, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options, str(folder)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HANSA", "PYTEST"))}
    return subprocess.run(
        command, cwd=folder, env=clean | environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "workers"])
def test_an_unexpected_skip_fails_where_skips_are_counted(tmp_path: Path, options: tuple[str, ...]):
    done = run(tmp_path, ONE.format(reason="needs torch"), *options, HANSA_NO_SKIPS="1")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "unexpected skip" in done.stdout
    assert "needs torch" in done.stdout


def test_a_module_that_skips_itself_fails_too(tmp_path: Path):
    done = run(tmp_path, "pytest.importorskip('no_such_library')\n", "-n", "2", HANSA_NO_SKIPS="1")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "no_such_library" in done.stdout


def test_a_skip_passes_where_skips_are_not_counted(tmp_path: Path):
    assert run(tmp_path, ONE.format(reason="needs torch")).returncode == pytest.ExitCode.OK


def test_a_soak_test_may_be_skipped(tmp_path: Path):
    assert run(tmp_path, ONE.format(reason="soak: hours"), HANSA_NO_SKIPS="1").returncode == pytest.ExitCode.OK


@pytest.mark.parametrize(("there", "code"), [(False, pytest.ExitCode.OK), (True, pytest.ExitCode.TESTS_FAILED)])
def test_shared_data_may_be_missing_only_where_it_is_missing(tmp_path: Path, there: bool, code: pytest.ExitCode):
    shared = tmp_path / "shared"
    if there:
        shared.mkdir()
    text = "def test_one(shared_data):\n    assert True\n"
    assert run(tmp_path, text, HANSA_NO_SKIPS="1", HANSA_SHARED=str(shared)).returncode == code


def test_an_expected_failure_is_not_a_skip(tmp_path: Path):
    text = "@pytest.mark.xfail(reason='known')\ndef test_one():\n    raise ValueError\n"
    assert run(tmp_path, text, HANSA_NO_SKIPS="1").returncode == pytest.ExitCode.OK
