"""How the command line speaks: figures on stdout, the rest on stderr, one line for an error and never a traceback."""

from __future__ import annotations

import inspect
import os
import shlex
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_type_hints

import typer

from hansa.cli.entry import INTERRUPTED
from hansa.errors import ConfigError, HansaError

if TYPE_CHECKING:
    from rich.console import Console


class Verb(Protocol):
    """What a verb is: options as fields, an example for its help, and what it does."""

    example: ClassVar[str]

    def do(self) -> None:
        """Do it, or raise a HansaError."""
        ...


def spoken(kind: type[Verb]) -> Callable[..., None]:
    """Make a verb callable by typer, which reads options from a signature; its errors are told, not raised."""

    def call(**options: Any) -> None:
        with errors_told():
            kind(**options).do()

    signature = inspect.signature(kind, eval_str=True)
    hints = get_type_hints(kind, include_extras=True)
    call.__doc__, call.__name__ = kind.__doc__, kind.__name__.lower()
    call.__annotations__ = {name: hints[name] for name in signature.parameters}
    call.__signature__ = signature.replace(return_annotation=None)  # type: ignore[attr-defined] # read by inspect
    return call


@contextmanager
def errors_told() -> Iterator[None]:
    """Tell an error on stderr and end with its exit code; what nobody expected goes into a log file."""
    try:
        yield
    except HansaError as error:
        complain(str(error))
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        complain("stopped.")
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, typer.Abort, BrokenPipeError):
        raise
    except MemoryError:
        mend = "Ask for a smaller network, fewer or smaller columns, or use a larger machine."
        complain(f"this is too large for the memory of this machine. {mend}")
        raise typer.Exit(ConfigError.exit_code) from None
    except Exception as error:  # noqa: BLE001 - a user is never shown a traceback
        path = logged(error)
        complain(f"{type(error).__name__}: a fault in hansa, not in your job. Please report it with '{path}'.")
        raise typer.Exit(HansaError.exit_code) from None


def complain(message: str) -> None:
    """Write one message to stderr, red on a terminal."""
    from rich.text import Text

    stderr().print(Text(f"hansa: {message}", style="red"), soft_wrap=True)


def say(message: str = "") -> None:
    """Write a line to stdout."""
    typer.echo(message)


def hint(words: str, at: Path | None = None) -> str:
    """A command to type next, from the folder `at` (here if None), with hansa as it was called: .venv/bin/hansa run."""
    script, at = Path(sys.argv[0]), at or Path()
    if script.name == "__main__.py":
        return f"{_path(Path(sys.executable), at)} -m hansa {words}"
    return f"{_path(script, at) if script.stem == 'hansa' and script.exists() else 'hansa'} {words}"


def _path(program: Path, at: Path) -> str:
    """A program's bare name where the shell finds it by that, else its path from a folder."""
    found, program = shutil.which(program.name), program.absolute()
    if found is not None and Path(found).absolute() == program:
        return program.name
    near = [os.path.relpath(program, at)] if program.is_relative_to(Path.cwd()) else []
    return shlex.quote(min([*near, str(program)], key=len))


def stderr() -> Console:
    """Who writes to stderr; without colours where there is no terminal, or where NO_COLOR is set."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def logged(error: BaseException) -> str:
    """Write where an error came from into a new file that only its owner can read, and return the file's path.

    The file holds the kinds of error and the lines of code. It holds no message and no variable: either may quote a
    customer.
    """
    lines: list[str] = []
    link: BaseException | None = error
    while link is not None:
        lines += ["Traceback:\n", *traceback.format_tb(link.__traceback__), f"{type(link).__name__}\n"]
        link = link.__cause__ or link.__context__
    handle, path = tempfile.mkstemp(prefix="hansa-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(lines)
    return path
