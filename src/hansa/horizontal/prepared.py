"""The fitted preparation: it travels with the model and turns any table of the same columns into numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import final

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack
from hansa.core.on_disk import forget, room
from hansa.core.table import Table
from hansa.core.trainer import Inputs, Reader, Trainer
from hansa.data.parts import HashSplit, Split
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.codes import Codes, Tokens
from hansa.horizontal.columns import Encoding
from hansa.horizontal.woe import Woe

_ROWS = 65_536  # of a table on disk, prepared at a time


@final
@dataclass(frozen=True)
class Prepared:
    """How each column becomes numbers, fitted on the training rows of all parties; and pooled facts about those rows.

    `config`: the digest of the step that made it. `dropped`: columns left out, and why. `rows`: train, validation and
    test rows over the `parties` that took part in the fit. `classes`: how many classes the target has, a hint (0: it is
    a value, or there is none). `positive_rate`: the share of ones in a target of two classes.
    `duplicates_train_test`: test rows whose features also stand among their own party's training rows. `one_class`:
    whether all rows of a target of zeros and ones are the same.

    Example:
        >>> from hansa.horizontal.columns import OneHot, Scaled
        >>> age = Scaled("age", fill=40.0, centre=40.0, scale=10.0)
        >>> prepared = Prepared((age, OneHot("home", ("own", "rent"))))
        >>> prepared.names
        ('age', 'home=own', 'home=rent')
        >>> prepared.transform(Table.of({"home": ["rent", "boat"], "age": [50, None], "note": ["", ""]})).tolist()
        [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """

    encodings: tuple[Encoding | Woe, ...]
    split: Split = field(default_factory=HashSplit)
    config: str = ""
    dropped: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[int, int, int] = (0, 0, 0)
    parties: int = 0
    classes: int = 0
    positive_rate: float = 0.0
    duplicates_train_test: int = 0
    one_class: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        return tuple(encoding.column for encoding in self.encodings)

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns of the result are called, `[width]`."""
        return tuple(name for encoding in self.encodings for name in encoding.names)

    @property
    def width(self) -> int:
        """How many columns the result has."""
        return len(self.names)

    @property
    def inputs(self) -> Inputs:
        """What the columns of the result are, for trainers that look codes up."""
        sizes = (e.sizes if isinstance(e, Codes | Tokens) else (0,) * len(e.names) for e in self.encodings)
        return Inputs(self.names, tuple(size for some in sizes for size in some))

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, as hex."""
        return sha256(pack(self)).hexdigest()

    @property
    def measures(self) -> Mapping[str, float]:
        """The pooled facts by name, to show."""
        train, validation, test = map(float, self.rows)
        return {
            "rows_train": train,
            "rows_validation": validation,
            "rows_test": test,
            "parties": float(self.parties),
            "width": float(self.width),
            "dropped": float(len(self.dropped)),
            "classes": float(self.classes),
            "positive_rate": self.positive_rate,
            "duplicates_train_test": float(self.duplicates_train_test),
        }

    def only(self, names: Collection[str]) -> Prepared:
        """The same preparation of those columns that make at least one of these."""
        mine = tuple(encoding for encoding in self.encodings if not set(encoding.names).isdisjoint(names))
        return replace(self, encodings=mine)

    def transform(self, table: Table, dtype: str = "float64") -> NDArray[np.floating]:
        """The table's rows as numbers `[rows, width]`; columns that were not fitted are ignored.

        Gaps and labels never seen are coded as the fit has laid down, so every row gets numbers; those of a table on
        disk lie on disk.

        Raises:
            DataError: a column is missing, holds labels where numbers are wanted, or infinite values.

        Example:
            >>> from hansa.horizontal.columns import Scaled
            >>> Prepared((Scaled("age", 40.0),)).transform(Table.of({"income": [1]}))
            Traceback (most recent call last):
                ...
            hansa.errors.DataError: The table lacks column 'age'. The model was prepared with it. Known: income.
        """
        for name in self.columns:
            if name not in table.columns:
                mend = nearest(name, table.names)
                raise DataError(f"The table lacks column '{name}'.", "The model was prepared with it.", mend)
        if not table.on_disk:
            return self._written(table, np.zeros((len(table), self.width), dtype))
        out = room((len(table), self.width), dtype)
        for start in range(0, len(table), _ROWS):
            here = slice(start, start + _ROWS)
            self._written(table.take(here), out[here])
            table.forget()
            forget(out)
        return out

    def _written(self, table: Table, out: NDArray[np.floating]) -> NDArray[np.floating]:
        start = 0
        for encoding in self.encodings:
            end = start + len(encoding.names)
            encoding.write(table.column(encoding.column), out[:, start:end])
            start = end
        return out


def told(trainer: Trainer, prepared: Prepared | None) -> Trainer:
    """The trainer, told which columns are numbers, codes or texts; one that reads numbers alone is given no others.

    Raises:
        ConfigError: the preparation makes codes and the trainer has no use for them.

    Example:
        >>> from hansa.trainers import Linear
        >>> told(Linear(), Prepared((Codes("home", ("own", "rent")),)))
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: The trainer takes 'home' for a number, and it holds codes. Their order means \
nothing. Code the column as onehot, or take a trainer with embeddings.
    """
    if prepared is None:
        return trainer
    if isinstance(trainer, Reader):
        return trainer.reading(prepared.inputs)
    coded = next((e.column for e in prepared.encodings if isinstance(e, Codes | Tokens)), None)
    if coded is None:
        return trainer
    raise ConfigError(
        f"The trainer takes '{coded}' for a number, and it holds codes.",
        "Their order means nothing.",
        "Code the column as onehot, or take a trainer with embeddings.",
    )
