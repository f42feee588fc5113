"""Read CSV files into tables, in two passes of blocks: what each column is, then its values.

The parse is the standard library's. Memory stays at the finished arrays and one block of words, however large the file.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, cast, final

from hansa.core.table import KINDS, Kind, Table
from hansa.data.typed import MEASURED, Slot, possible, reads_as
from hansa.errors import ConfigError, DataError, is_value, nearest

GAPS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "?")
DELIMITERS = (",", ";", "\t", "|")
CELLS_A_BLOCK = 65_536
LONGEST_LINE = 4_194_304
"""Characters: a longer line is taken for a file that is none of lines, before it fills the memory."""

_GZIP = b"\x1f\x8b"
_TOLD = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""What Excel reads, and hides, above the header: the delimiter."""


@final
@dataclass(frozen=True)
class CsvFormat:
    """How a file is written: its delimiter (None looks at the header), the words for a gap, its encoding.

    Blanks around a word for a gap do not count. Raises ConfigError for a delimiter that is not one character.

    Example:
        >>> CsvFormat(delimiter=";", gaps=("", "-99")).encoding
        'utf-8-sig'
    """

    delimiter: str | None = None
    gaps: tuple[str, ...] = GAPS
    encoding: str = "utf-8-sig"

    def __post_init__(self) -> None:
        """Check the delimiter."""
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigError(
                what=f"A file cannot be read with the delimiter {self.delimiter!r}.",
                why="It is one character, and no quote or line end.",
                mend='Name one, as in delimiter = ";", or leave it out: hansa looks at the header.',
            )


@final
@dataclass(frozen=True)
class _Layout:
    """The columns' names, the delimiter, and how many lines stand above the header."""

    names: tuple[str, ...]
    delimiter: str
    above: int


@final
@dataclass(frozen=True)
class _Block:
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]


def read_csv(
    path: str | Path,
    *,
    form: CsvFormat | None = None,
    kinds: Mapping[str, Kind] | None = None,
    target: str | None = None,
    id: str | None = None,
    weight: str | None = None,
) -> Table:
    """Read a CSV file (gzipped or not) with a header line into a table [rows].

    A column is integer, float or date (ISO) where every value reads as one, else category, else text (more than 256
    labels); codes with leading zeros stay words. `kinds` forces the kind of a column, and an id that is not a number is
    text. A nameless column is called column_1, column_2, ... by its place. Raises DataError for a file that is missing,
    empty, ragged, wrongly encoded or without rows, for names that stand twice, and for values against a forced kind;
    ConfigError where `kinds` names no column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "loans.csv")
        ...     _ = file.write_bytes(b"age;housing%c31;own%c;rent%c" % (10, 10, 10))
        ...     table = read_csv(file)
        >>> table.column("age").kind, table.column("age").gaps.tolist()
        ('integer', [False, True])
    """
    path, form = Path(path), form or CsvFormat()
    with _errors_of(path):
        layout = _header(path, form)
        names = layout.names
        forced = _forced(names, dict(kinds or {}), path)
        found, rows = _kinds(path, form, layout, forced)
        slots = [Slot.empty(name, found[name], rows, gaps=form.gaps, forced=name in forced) for name in names]
        filled = _filled(slots, _blocks(path, form, layout), rows)
        if filled is None:
            raise DataError(
                what=f"The file {path.name} changed while it was read.",
                why="Its rows are not what they were a moment ago.",
                mend="Read it again when nothing writes to it.",
            )
    return Table.of((slot.column() for slot in filled), target=target, id=id, weight=weight)


def _filled(slots: list[Slot], blocks: Iterable[_Block], rows: int) -> list[Slot] | None:
    """Fill the slots with all blocks: the second pass; None where the rows are not those of the first."""
    start = 0
    for block in blocks:
        stop = start + len(block.rows)
        if stop > rows:
            return None
        try:
            slots = [slot.fill(start, words) for slot, words in zip(slots, zip(*block.rows, strict=True), strict=True)]
        except (OverflowError, ValueError):
            return None  # a word that read as a number before; the error would quote it
        start = stop
    return slots if start == rows else None


def _forced(names: Sequence[str], kinds: dict[str, Kind], path: Path) -> dict[str, Kind]:
    for name, kind in kinds.items():
        if name not in names:
            raise ConfigError(
                what=f"There is no column {name!r} in {path.name}.",
                why="A kind was given for it.",
                mend=nearest(name, names),
            )
        if kind not in KINDS:
            raise ConfigError(
                what=f"Column {name!r} cannot be of kind {kind!r}.",
                why="There is no such kind.",
                mend=nearest(kind, KINDS),
            )
    return kinds


def _kinds(path: Path, form: CsvFormat, layout: _Layout, forced: Mapping[str, Kind]) -> tuple[dict[str, Kind], int]:
    """Tell the kind of each column and the number of rows: the first pass."""
    names = layout.names
    open_kinds = {name: MEASURED for name in names if name not in forced}
    gaps = frozenset(form.gaps)
    seen = dict.fromkeys(names, False)
    rows = 0
    for block in _blocks(path, form, layout):
        rows += len(block.rows)
        for name, cells in zip(names, zip(*block.rows, strict=True), strict=True):
            words = cells if gaps.isdisjoint(cells) else [cell for cell in cells if cell not in gaps]
            seen[name] = seen[name] or bool(words)
            kind = forced.get(name)
            if kind is None:
                open_kinds[name] = possible(words, open_kinds[name])
            elif kind in MEASURED and not reads_as(words, kind):
                pairs = zip(block.lines, cells, strict=True)
                line = next(n for n, cell in pairs if cell not in gaps and not reads_as([cell], kind))
                raise DataError(
                    what=f"Column {name!r} of {path.name} cannot be read as {kind}.",
                    why=f"The value in line {line} is none.",
                    mend="Give the column another kind, or name its words for a gap in `gaps`.",
                )
    if not rows:
        raise DataError(
            what=f"The file {path.name} has no rows.",
            why="Nothing stands below its header.",
            mend="Check that the export ran to its end.",
        )
    kinds = dict(forced)
    for name, left in open_kinds.items():
        if not seen[name]:
            kinds[name] = "float"
        else:
            order: tuple[Kind, ...] = ("integer", "float", "date")
            kinds[name] = next((kind for kind in order if kind in left), "category")
    return kinds, rows


def _header(path: Path, form: CsvFormat) -> _Layout:
    """Read the names of the columns and the delimiter that stands between them."""
    with _opened(path, form) as lines:
        line = next(lines, "")
        told = _TOLD.fullmatch(line)
        if told is not None:
            line = next(lines, "")
        delimiter = form.delimiter or (told[1] if told is not None else _likely(line))
        cells = next(_records(path, chain([line], lines), delimiter))[1] if line.strip() else []
    if not line.strip():
        raise DataError(
            what=f"The file {path.name} is empty." if not line else f"The file {path.name} has no header.",
            why="The first line names the columns, and here it is blank.",
            mend="Write the column names into the first line.",
        )
    if any(map(is_value, cells)):
        raise DataError(
            what=f"The first line of {path.name} looks like a row of values, not of names.",
            why="One of its fields is a number or a date.",
            mend="Write the column names into the first line; a name that is a number needs a letter, as in y2024.",
        )
    names = tuple(cell.strip() or f"column_{i + 1}" for i, cell in enumerate(cells))
    twice = next(((names.index(name), i) for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:  # by their places: without a header the name would be a customer's
        raise DataError(
            what=f"Columns {twice[0] + 1} and {twice[1] + 1} of {path.name} have the same name.",
            why="Columns are found by their names.",
            mend="Give each column a name of its own.",
        )
    return _Layout(names, delimiter, above=0 if told is None else 1)


def _likely(line: str) -> str:
    """Tell the delimiter by which the header has most fields."""
    counts = {mark: len(next(csv.reader([line], delimiter=mark), [])) for mark in DELIMITERS}
    return max(DELIMITERS, key=counts.__getitem__)


def _blocks(path: Path, form: CsvFormat, layout: _Layout) -> Iterator[_Block]:
    """Yield the rows below the header, so many at a time that a block holds CELLS_A_BLOCK cells."""
    width = len(layout.names)
    size = max(1, CELLS_A_BLOCK // width)
    with _opened(path, form) as text:
        records = _records(path, islice(text, layout.above, None), layout.delimiter, layout.above)
        next(records)
        rows: list[list[str]] = []
        lines: list[int] = []
        for line, row in records:
            if len(row) != width:
                if not row:
                    continue  # a blank line, as at the end of many exports
                raise DataError(
                    what=f"Line {line} of {path.name} has {len(row)} fields, the header {width}.",
                    why="Every row has one field a column.",
                    mend=f"Quote the fields that hold the delimiter, or {_named('delimiter', ';')}",
                )
            rows.append(row)
            lines.append(line)
            if len(rows) == size:
                yield _Block(_with_gaps(rows, form.gaps), lines)
                rows, lines = [], []
        if rows:
            yield _Block(_with_gaps(rows, form.gaps), lines)


def _records(path: Path, text: Iterable[str], delimiter: str, above: int = 0) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line where it ends; a quote that does not close is an error, not one long field."""
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True)
    line = above
    try:
        for record in reader:
            line = above + reader.line_num
            yield line, record
    except csv.Error as error:
        lone = "A quote opens there and does not close, or more stands behind the quote that closes."
        long = "A field there is longer than 131,072 characters, most often for a quote that never closes."
        raise DataError(
            what=f"The file {path.name} cannot be read as CSV from line {line + 1} on.",
            why=long if "limit" in str(error) else lone,
            mend=f'Close the quote (one inside a field is written twice: ""), or {_named("delimiter", ";")}',
        ) from None


def _with_gaps(rows: list[list[str]], gaps: Collection[str]) -> list[list[str]]:
    """Take the blanks off words for a gap, as in "NA " of a file with columns of fixed width."""
    if " \n" not in "\n".join(chain.from_iterable((*rows, "\n"))):
        return rows  # one look at the block, for most files hold none
    for row in rows:
        for i, cell in enumerate(row):
            if cell[-1:] == " " and (word := cell.rstrip(" ")) in gaps:
                row[i] = word
    return rows


def _named(setting: str, value: str) -> str:
    """Say how a setting of `CsvFormat` is named, in a job file and in Python."""
    in_file = f'csv = {{{setting} = "{value}"}} under [simulation] of a job file'
    return f'name the {setting}: {in_file}, CsvFormat({setting}="{value}") in Python.'


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


@contextmanager
def _opened(path: Path, form: CsvFormat) -> Iterator[Iterator[str]]:
    """Open a file as lines of text, gzipped or not, whatever it is called."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        source = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if zipped else raw
        with io.TextIOWrapper(source, encoding=form.encoding, newline="") as text:
            yield _lines(text, path)


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Say what is wrong with a file in the house's words, and never quote it."""
    try:
        yield
    except UnicodeError:
        raise DataError(
            what=f"The file {path.name} is not in the encoding that it was read with.",
            why="Some of its bytes are no characters there.",
            mend=f"Save it as UTF-8, or {_named('encoding', 'gb18030')}",
        ) from None
    except LookupError as error:
        raise ConfigError(
            what="The encoding of the file is not known.",
            why=str(error).capitalize() + ".",
            mend="Name one that Python knows, as utf-8-sig, latin-1 or gb18030.",
        ) from None
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
