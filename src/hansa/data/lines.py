"""The lines of a text file, gzipped or not: in a named encoding, bounded in length, errors in the house's words."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hansa.data.csv_format import named
from hansa.errors import DataError

LONGEST_LINE: Final = 4_194_304
"""Characters: a longer line is taken for a file that is none of lines, before it fills the memory."""

USUAL: Final = ("gb18030", "big5", "cp1252", "shift_jis")
"""The encodings that a file is tried in, to be told and never to be chosen."""

_GZIP = b"\x1f\x8b"
_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_OTHERS: Final = {
    b"PK\x03\x04": ("an Excel workbook or another ZIP archive", "Save the sheet as CSV, or unpack it."),
    b"PAR1": ("a Parquet file", "Give it a name that ends in .parquet."),
    b"SQLi": ("a SQLite database", 'Name it as "sqlite:///PATH" with a query.'),
}
_BYTES_AT_ONCE: Final = 1 << 20


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    r"""Open a file as lines of text, gzipped or not, whatever it is called.

    Raises:
        DataError: it cannot be read, is damaged, is not in that encoding, or is none of lines; and never quotes it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.csv").write_text("age\n31\n")
        ...     with opened(Path(folder, "a.csv"), "utf-8-sig") as lines:
        ...         list(lines)
        ['age\n', '31\n']
    """
    encoding = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    try:
        with _bytes(path) as source:
            _check_begin(path, source, encoding)
            with io.TextIOWrapper(source, encoding=encoding, newline="") as text:
                yield _lines(text, path)
    except UnicodeError:
        raise _unread(path, encoding) from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(
            what=f"The file {path.name} is damaged.",
            why="Its compressed bytes end early or do not unpack.",
            mend="Copy or export it again.",
        ) from None
    except OSError as error:
        raise DataError(
            what=f"The file {path} cannot be read.",
            why=f"{error.strerror or 'The system refused it'}.",
            mend="Check the path and its permissions; relative paths start at the working folder or at --data.",
        ) from None


def readers(path: Path) -> tuple[str, ...]:
    r"""Tell which of the usual encodings read all bytes of a file; a mark at its beginning leaves one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.csv").write_bytes("a\n\u7532\u94f6\u884c\n".encode("gb18030"))
        ...     readers(Path(folder, "a.csv"))[0]
        'gb18030'
    """
    with _bytes(path) as source:
        marked = _marked(source.peek(4))
    return (marked,) if marked else tuple(encoding for encoding in USUAL if _reads(path, encoding))


@contextmanager
def _bytes(path: Path) -> Iterator[Any]:
    with path.open("rb") as raw:
        if raw.peek(2)[:2] != _GZIP:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield unpacked


def _marked(head: bytes) -> str:
    """The encoding that the first bytes of a file give away, if any."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    return {b"\0": "utf-16-be"}.get(head[:1], {b"\0": "utf-16-le"}.get(head[1:2], ""))


def _check_begin(path: Path, source: Any, encoding: str) -> None:
    """Refuse what is no text, and text whose own mark says another encoding than the named one."""
    head = source.peek(4)
    if head[:4] in _OTHERS:
        what, mend = _OTHERS[head[:4]]
        raise DataError(f"The file {path.name} is no CSV file.", f"It begins as {what} does.", mend)
    marked = _marked(head)
    if marked and codecs.lookup(encoding).name != marked:
        raise _unread(path, encoding)


def _reads(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with _bytes(path) as source:
            while block := source.read(_BYTES_AT_ONCE):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _unread(path: Path, encoding: str) -> DataError:
    """Say that a file is not in an encoding, and in which it may be."""
    found = [other for other in readers(path) if other != encoding]
    if not found:
        return DataError(
            what=f"The file {path.name} is not in the encoding {encoding}.",
            why="Some of its bytes are no characters there, nor in any other usual encoding.",
            mend=f"Save it as UTF-8, or {named('name the encoding', encoding='gb18030')}",
        )
    several = "" if len(found) == 1 else " Several read it and one reads it right: look at the words afterwards."
    return DataError(
        what=f"The file {path.name} is not in the encoding {encoding}.",
        why=f"Some of its bytes are no characters there; all of them are in {' or '.join(found)}.{several}",
        mend=f"Save it as UTF-8, or {named('name the encoding', encoding=found[0])}",
    )


def _lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    """Yield the lines of a text, none of them longer than LONGEST_LINE."""
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise DataError(
                what=f"The file {path.name} has a line of more than {LONGEST_LINE:,} characters.",
                why="A table has one row a line.",
                mend="Check that it is a CSV file, and that its export writes line ends.",
            )
        yield line
