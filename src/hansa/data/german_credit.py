"""The German credit data (Hofmann 1994): 1,000 real loans that travel with hansa, so that examples run offline."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np

from hansa.core.table import Column, Table
from hansa.data.csv_file import read_csv
from hansa.data.csv_format import CsvFormat
from hansa.data.source import Reading

TARGET = "creditability"


def german_credit() -> Table:
    """Load 1,000 loans, 20 features, target `creditability` (1 = bad, 30 %) and `id`, the row number.

    The labels are those of the source; "unknown" and "none" are answers, so no value counts as a gap.
    Source: H. Hofmann, Statlog (German Credit Data), UCI Machine Learning Repository, doi:10.24432/C5NC77, CC BY 4.0;
    its licence stands beside the file.

    Example:
        >>> table = german_credit()
        >>> len(table), len(table.features), float(table.y().mean())
        (1000, 20, 0.3)
    """
    with as_file(files("hansa.data") / "german_credit.csv.gz") as path:
        table = read_csv(path, Reading(csv=CsvFormat(gaps=())), target=TARGET)
    bad = (table.column(TARGET).strings() == "bad").astype(np.int64)
    number = np.arange(1, len(table) + 1)
    columns = [Column.of("id", number), *(table.column(name) for name in table.features), Column.of(TARGET, bad)]
    return Table.of(columns, target=TARGET, id="id")
