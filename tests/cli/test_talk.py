"""How errors are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from hansa.cli.talk import errors_told, logged
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
