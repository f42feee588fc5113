"""A column's labels as places: the one reading of categories that counting, coding and scoring share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hansa.core.table import Column
from hansa.data.alike import coded
from hansa.horizontal.floors import Floors

CODES: Final = 32
"""Whole numbers below this may be classes; a target with another value is taken for a value itself."""


def labelled(column: Column) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """A column as codes [rows] into labels (-1: a gap); whole numbers read the same whether integer or float.

    Example:
        >>> codes, labels = labelled(Column.of("grade", [2.0, None, 1.0]))
        >>> codes.tolist(), labels
        ([1, -1, 0], ('1', '2'))
    """
    if column.kind in {"category", "text", "date"}:
        places, words = coded(column)
        return places.astype(np.intp), words
    gaps = column.gaps
    found, inverse = np.unique(column.values[~gaps], return_inverse=True)
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


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels as numbers sort, where all of them are numbers, else as words do.

    Example:
        >>> in_order({"10", "9", "2.5"}), in_order({"b", "10", "9"})
        (('2.5', '9', '10'), ('10', '9', 'b'))
    """
    words = sorted(labels)
    try:
        return tuple(sorted(words, key=float))
    except ValueError:
        return tuple(words)


def classes_of(y: NDArray[np.floating], floors: Floors) -> list[float]:
    """What a party tells of its target: whether it is no class, rows of each class, and whether each is there at all.

    A class of fewer than `min_cell` customers is counted as part of the largest. `[1 + 2 CODES]`.

    Example:
        >>> told = classes_of(np.array([0.0] * 97 + [1.0] * 3), Floors(20, 10))
        >>> told[:3], told[1 + CODES : 4 + CODES]
        ([0.0, 100.0, 0.0], [1.0, 1.0, 0.0])
    """
    coded = np.isin(y, np.arange(CODES))
    codes = np.where(coded, y, -1).astype(np.intp)
    rows = np.bincount(codes[coded], minlength=CODES)
    shown = np.where(floors.customers(codes, CODES) >= floors.min_cell, rows, 0)
    shown[np.argmax(rows)] += rows.sum() - shown.sum()
    return [float(not coded.all()), *shown.astype(float).tolist(), *(rows > 0).astype(float).tolist()]


def shared(column: Column, floors: Floors) -> list[str]:
    """The labels that `min_cell` customers share.

    Example:
        >>> shared(Column.of("job", ["clerk", "mayor", "clerk"]), Floors(1, 2))
        ['clerk']
    """
    codes, found = labelled(column)
    behind = floors.customers(codes, len(found))
    return [label for label, count in zip(found, behind, strict=True) if count >= floors.min_cell]


def _label(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
