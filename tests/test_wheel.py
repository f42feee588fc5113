"""The wheel: small, typed, with the data that every example needs, and without what is not hansa."""

from __future__ import annotations

import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
MOST_BYTES = 1_500_000  # nothing but text: 1.05 MB with the scorecard and the ledgers, 1 MB was the bound before them
MOST_OF_A_FILE = 60_000  # bytes as they lie in the wheel: no data crept in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a user's pip would, with the build tools that are here (so it needs no network)."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_it_is_small(wheel: Path):
    assert wheel.stat().st_size < MOST_BYTES


def test_no_file_in_it_is_large(wheel: Path):
    with ZipFile(wheel) as archive:
        assert max(one.compress_size for one in archive.infolist()) < MOST_OF_A_FILE


def test_it_runs_everywhere(wheel: Path):
    assert wheel.name.endswith("-py3-none-any.whl")


@pytest.mark.parametrize(
    "name",
    [
        "hansa/__init__.py",
        "hansa/py.typed",
        "hansa/data/german_credit.csv.gz",
        "hansa/cli/jobs/new.toml",
        "hansa/cli/jobs/new.md",
        "hansa/cli/jobs/loan_book.toml",
        "hansa/cli/jobs/german_credit.toml",
    ],
)
def test_it_holds(wheel: Path, name: str):
    assert name in names(wheel)


def test_the_licence_of_the_data_stands_beside_the_data(wheel: Path):
    beside = {name for name in names(wheel) if name.startswith("hansa/data/") and "licen" in name.lower()}
    assert beside


def test_it_holds_hansa_and_nothing_else(wheel: Path):
    rooms = {name.partition("/")[0] for name in names(wheel)}
    assert rooms == {"hansa", "hansa-0.1.0.dist-info"}


def test_it_names_the_licence_the_command_and_the_oldest_python(wheel: Path):
    with ZipFile(wheel) as archive:
        info = "hansa-0.1.0.dist-info"
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        commands = archive.read(f"{info}/entry_points.txt").decode()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "hansa = hansa.cli.entry:main" in commands


def test_the_base_pulls_no_framework(wheel: Path):
    with ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read("hansa-0.1.0.dist-info/METADATA").decode())
    base = {item.partition(">")[0] for item in metadata.get_all("Requires-Dist") if "extra ==" not in item}
    assert base == {
        "cryptography",
        "grpcio",
        "msgpack",
        "narwhals",
        "numpy",
        "prometheus-client",
        "rich",
        "safetensors",
        "threadpoolctl",
        "tomli-w",
        "typer",
    }
