"""Read CSV files into tables, in two passes of blocks: what each column is, then its values.

The parse is the standard library's. Memory stays at the finished arrays and one block of words, however large the file;
where columns lie on disk, at the words of text and the block.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Final, final

import numpy as np

from hansa.core.table import KINDS, Column, Kind, Table
from hansa.data.csv_format import CsvFormat, named
from hansa.data.filters import chosen
from hansa.data.lines import opened
from hansa.data.source import Reading
from hansa.data.spelling import Spelling, spelt
from hansa.data.typed import MEASURED, Guess, Slot, reads_as
from hansa.errors import ConfigError, DataError, is_value, nearest

DELIMITERS: Final = (",", ";", "\t", "|")
CELLS_A_BLOCK = 65_536

_ROWS_HELD = 4_194_304
_TOLD = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""What Excel reads, and hides, above the header: the delimiter."""


@final
@dataclass(frozen=True)
class _Layout:
    """The columns' names, the places of those to be read, the delimiter, and how many lines stand above the header."""

    names: tuple[str, ...]
    places: tuple[int, ...]
    delimiter: str
    above: int

    @property
    def read(self) -> tuple[str, ...]:
        """The names of the columns to be read, in the file's order."""
        return tuple(self.names[i] for i in self.places)


@final
@dataclass(frozen=True)
class _Block:
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]

    def columns(self, layout: _Layout) -> Iterator[tuple[str, ...]]:
        """The words of each column to be read, one column after another: what was just gathered is fastest to use."""
        places = frozenset(layout.places)
        return (words for i, words in enumerate(zip(*self.rows, strict=True)) if i in places)


def read_csv(
    path: str | Path,
    how: Reading | None = None,
    *,
    target: str | None = None,
    id: str | None = None,
    weight: str | None = None,
) -> Table:
    """Read a CSV file (gzipped or not) with a header line into a table [rows].

    A column is integer, float or date where every value reads as one, else category, else text (more than 256 labels);
    codes with leading zeros stay words, and an id that is not a number is text. A nameless column is called column_1,
    column_2, ... by its place. `how` says how the file is written, which columns and rows are read, of which kinds they
    are, and where they lie; text always lies in memory.

    Raises:
        DataError: a file that is missing, empty, ragged, wrongly encoded or without rows; names that stand twice;
            values against a kind that was given; numbers or dates that read in more than one way.
        ConfigError: a kind or a filter for no column of the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "loans.csv")
        ...     _ = file.write_bytes(b"age;housing%c31;own%c;rent%c" % (10, 10, 10))
        ...     table = read_csv(file)
        >>> table.column("age").kind, table.column("age").gaps.tolist()
        ('integer', [False, True])
    """
    path, how = Path(path), how or Reading()
    form, forced = how.csv, dict(how.kinds)
    layout = _header(path, form, how)
    found, rows = _kinds(path, form, layout, forced)
    slots = [
        Slot.empty(name, kind, rows, gaps=form.gaps, forced=name in forced, spelling=spelling, disk=how.on_disk)
        for name, (kind, spelling) in found.items()
    ]
    filled = _filled(slots, ((len(one.rows), one.columns(layout)) for one in _blocks(path, form, layout)), rows)
    if filled is None:
        raise DataError(
            what=f"The file {path.name} changed while it was read.",
            why="Its rows are not what they were a moment ago.",
            mend="Read it again when nothing writes to it.",
        )
    columns = [slot.column() for slot in filled]
    for column in columns:
        if column.name not in {*forced, id}:
            _check_spelt(column, form.spelling, path)
    table = chosen(Table.of(columns, target=target, id=id, weight=weight), how.where)
    return table.select(how.columns) if how.columns else table


def _filled(slots: list[Slot], blocks: Iterable[tuple[int, Iterable[Sequence[str]]]], rows: int) -> list[Slot] | None:
    """Fill the slots with all blocks, each with its number of rows; None where the rows are not those of before."""
    start = held = 0
    for count, columns in blocks:
        stop = start + count
        if stop > rows:
            return None
        try:
            slots = [slot.fill(start, words) for slot, words in zip(slots, columns, strict=True)]
        except (OverflowError, ValueError):
            return None  # a word that read as a number before; the error would quote it
        start = stop
        if start - held >= _ROWS_HELD // len(slots):
            held = start
            for slot in slots:
                slot.forget()
    return slots if start == rows else None


def _places(names: Sequence[str], how: Reading, path: Path) -> tuple[int, ...]:
    """Where the columns stand that are read or filtered by; ConfigError for one that the file does not have."""
    for name, kind in how.kinds.items():
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
    for name in how.columns:
        if name not in names:
            raise ConfigError(f"{path.name} has no column '{name}'.", mend=nearest(name, names))
    wanted = {*how.columns, *(one.column for one in how.where)} if how.columns else set(names)
    return tuple(i for i, name in enumerate(names) if name in wanted)


def _kinds(
    path: Path, form: CsvFormat, layout: _Layout, forced: Mapping[str, Kind]
) -> tuple[dict[str, tuple[Kind, Spelling]], int]:
    """Tell the kind of each column, how its values are spelt, and the number of rows: the first pass."""
    spelling, gaps = form.spelling, frozenset(form.gaps)
    guesses = {name: Guess.of(spelling, forced.get(name)) for name in layout.read}
    seen = dict.fromkeys(layout.read, False)
    rows = 0
    for block in _blocks(path, form, layout):
        rows += len(block.rows)
        for name, cells in zip(layout.read, block.columns(layout), strict=True):
            words = cells if gaps.isdisjoint(cells) else [cell for cell in cells if cell not in gaps]
            seen[name] = seen[name] or bool(words)
            guesses[name], kind = guesses[name].seeing(words, spelling), forced.get(name)
            fits = guesses[name].dates if kind == "date" else kind not in MEASURED or reads_as(words, kind, spelling)
            if not fits:
                raise _misfit(path, form, layout, name, kind or "text")
    if not rows:
        raise DataError(
            what=f"The file {path.name} has no rows.",
            why="Nothing stands below its header.",
            mend="Check that the export ran to its end.",
        )
    found: dict[str, tuple[Kind, Spelling]] = {}
    for name, guess in guesses.items():
        kind = forced.get(name) or (guess.kind() if seen[name] else "float")
        dates = (_format(name, guess.dates, spelling, path),) if kind == "date" and seen[name] else ()
        found[name] = kind, replace(spelling, dates=dates)
    return found, rows


def _format(name: str, dates: Sequence[str], spelling: Spelling, path: Path) -> str:
    """The one format of a column's dates: a named one, or the only one that reads them."""
    if len(dates) > 1 and dates[0] not in spelling.dates:
        raise DataError(
            what=f"Column {name!r} of {path.name} holds dates, and which comes first, day or month, is not clear.",
            why="No row tells: all of them read either way.",
            mend=f"{named('Name their format', dates=dates[0])} Or {dates[1]}; or say that it is text, in `kinds`.",
        )
    return dates[0]


def _misfit(path: Path, form: CsvFormat, layout: _Layout, name: str, kind: Kind) -> DataError:
    """Say how many rows do not read as the kind that was given; the file is read once more for it."""
    spelling, place = form.spelling, layout.names.index(name)
    rows, odd = 0, []
    for block in _blocks(path, form, layout):
        rows += len(block.rows)
        for line, row in zip(block.lines, block.rows, strict=True):
            words = [] if row[place] in form.gaps else [row[place]]
            dated = kind == "date" and (not words or spelling.readable(words, spelling.formats))
            if not dated and (kind == "date" or not reads_as(words, kind, spelling)):
                odd.append(line)
    what = f"Column {name!r} of {path.name} cannot be read as {kind}."
    if not odd:
        return DataError(what, "Its dates are written in more than one way.", "Write all of them in one.")
    return DataError(
        what=what,
        why=f"{len(odd):,} of {rows:,} rows hold none there, the first of them in line {odd[0]}.",
        mend="Give the column another kind, name its words for a gap in `gaps`, or the format of its dates in `dates`."
        if kind == "date"
        else "Give the column another kind, or name its words for a gap in `gaps`.",
    )


def _check_spelt(column: Column, spelling: Spelling, path: Path) -> None:
    """Refuse words that are numbers by other marks than the named ones: as words they would be of no use."""
    if column.kind not in {"category", "text"}:
        return
    present = np.flatnonzero(~column.gaps)
    words = list(column.levels) or column.values[present[:1]].tolist()
    if not words or not spelt(words, spelling):
        return
    words = column.strings()[present].tolist()
    ways = spelt(words, spelling)
    if ways:
        odd = sum(not reads_as([word], "float", spelling) for word in words)
        told = " or with ".join(", ".join(f'{name} = "{mark}"' for name, mark in way.marks.items()) for way in ways)
        raise DataError(
            what=f"Column {column.name!r} of {path.name} holds numbers with marks that nobody has named.",
            why=f"{odd:,} of {len(column):,} rows have marks for thousands or decimals; all of them read with {told}.",
            mend=f"{named('Name the marks', **ways[0].marks)} If they are no numbers, say so in `kinds`.",
        )


def _header(path: Path, form: CsvFormat, how: Reading) -> _Layout:
    """Read the names of the columns and the delimiter that stands between them."""
    with opened(path, form.encoding) as lines:
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
    return _Layout(names, _places(names, how, path), delimiter, above=0 if told is None else 1)


def _likely(line: str) -> str:
    """Tell the delimiter by which the header has most fields."""
    counts = {mark: len(next(csv.reader([line], delimiter=mark), [])) for mark in DELIMITERS}
    return max(DELIMITERS, key=counts.__getitem__)


def _blocks(path: Path, form: CsvFormat, layout: _Layout) -> Iterator[_Block]:
    """Yield the rows below the header, so many at a time that a block holds CELLS_A_BLOCK cells."""
    width = len(layout.names)
    size = max(1, CELLS_A_BLOCK // width)
    with opened(path, form.encoding) as text:
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
                    mend=f"Quote the fields that hold the delimiter, or {named('name the delimiter', delimiter=';')}",
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
        mend = named('Close the quote (one inside a field is written twice: ""), or name the delimiter', delimiter=";")
        raise DataError(
            what=f"The file {path.name} cannot be read as CSV from line {line + 1} on.",
            why=long if "limit" in str(error) else lone,
            mend=mend,
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
