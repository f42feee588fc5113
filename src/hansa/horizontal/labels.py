"""A column's labels as places: the one reading of categories that counting, coding and scoring share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column


def labelled(column: Column) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """A column as codes [rows] into labels (-1: a gap); whole numbers read the same whether integer or float.

    Example:
        >>> codes, labels = labelled(Column.of("grade", [2.0, None, 1.0]))
        >>> codes.tolist(), labels
        ([1, -1, 0], ('1', '2'))
    """
    gaps = column.gaps
    if column.kind == "category":
        return column.values.astype(np.intp), column.levels
    values: NDArray[Any] = column.strings() if column.kind in {"text", "date"} else column.values
    found, inverse = np.unique(values[~gaps], return_inverse=True)
    codes = np.full(len(column), -1, np.intp)
    codes[~gaps] = inverse
    return codes, tuple(_label(value) for value in found.tolist())


def placed(column: Column, levels: tuple[str, ...]) -> NDArray[np.intp]:
    """Each row's place among the levels: `len(levels)` for another label, one more for a gap; [rows].

    Example:
        >>> placed(Column.of("housing", ["rent", "boat", None]), ("own", "rent")).tolist()
        [1, 2, 3]
    """
    codes, labels = labelled(column)
    place = {level: i for i, level in enumerate(levels)}
    table = np.array([*(place.get(label, len(levels)) for label in labels), len(levels) + 1], np.intp)
    return np.asarray(table[codes])


def _label(value: str | float) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
