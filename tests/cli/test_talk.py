"""How errors are told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer

from hansa.cli.talk import errors_told, hint, logged
from hansa.errors import DataError, TooFewParties, WireError


@pytest.mark.parametrize(("error", "code"), [(DataError("No."), 3), (TooFewParties("Few."), 5), (WireError("Odd."), 6)])
def test_each_kind_of_error_has_its_exit_code(error, code, capsys):
    with pytest.raises(typer.Exit) as caught, errors_told():
        raise error
    assert caught.value.exit_code == code
    assert capsys.readouterr().err.strip() == f"hansa: {error}"


def test_an_interrupt_is_130():
    with pytest.raises(typer.Exit) as caught, errors_told():
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130


def test_what_is_too_large_is_the_users_to_mend(capsys):
    with pytest.raises(typer.Exit) as caught, errors_told():
        bytes(1 << 62)
    assert caught.value.exit_code == 2
    assert "too large for the memory" in capsys.readouterr().err


def test_what_nobody_expected_goes_into_a_log_without_values(capsys):
    with pytest.raises(typer.Exit) as caught, errors_told():
        raise RuntimeError("customer 4711")
    said = capsys.readouterr().err
    assert caught.value.exit_code == 1
    assert "4711" not in said
    assert "Traceback" not in said


def test_the_log_holds_kinds_and_lines_and_no_message():
    with pytest.raises(ValueError, match="4711") as caught:
        int("customer 4711")
    path = Path(logged(caught.value))
    text = path.read_text("utf-8")
    path.unlink()
    assert "ValueError" in text
    assert "4711" not in text.replace('int("customer 4711")', "")


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A script at .venv/bin/hansa, called by its path."""
    path = tmp_path / ".venv" / "bin" / "hansa"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    return path


def test_a_hint_can_be_typed_as_it_stands(script, monkeypatch, tmp_path):
    assert hint("run job.toml") == ".venv/bin/hansa run job.toml"
    assert hint("run job.toml", Path("my project")) == "../.venv/bin/hansa run job.toml"
    monkeypatch.setenv("PATH", str(script.parent))
    assert hint("run job.toml") == "hansa run job.toml"
    monkeypatch.setenv("PATH", "")
    (tmp_path / "else where").mkdir()
    monkeypatch.chdir(tmp_path / "else where")
    assert hint("run job.toml") == f"{script} run job.toml"


def test_a_hint_of_the_module_names_its_python(script, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/hansa/__main__.py"])
    monkeypatch.setattr(sys, "executable", str(script.with_name("python3")))
    assert hint("run job.toml") == ".venv/bin/python3 -m hansa run job.toml"


def test_a_hint_of_another_program_names_hansa(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    assert hint("demo") == "hansa demo"
