"""What each column shall become: a step's settings, met with what the parties say that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hansa.errors import DataError, nearest
from hansa.horizontal.columns import LABELLED, Coding
from hansa.horizontal.fitting import Want, check_alike
from hansa.horizontal.labels import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hansa.core.table import Table
    from hansa.horizontal.prepare import Prepare


def check_names(step: Prepare, table: Table) -> None:
    """Refuse a step that names a column which the table lacks: a slip in `known_at` or `drop` would let a leak through.

    Raises:
        DataError: names the column and the nearest there is.

    Example:
        >>> from hansa.core.table import Table
        >>> from hansa.horizontal.prepare import Prepare
        >>> check_names(Prepare(drop=("age",)), Table.of({"age": [31]}))
    """
    for name in (*step.drop, *step.keep, *step.known_at, *step.columns):
        if name not in table.columns:
            raise DataError(
                f"The prepare step names a column '{name}' that is not there.", mend=nearest(name, table.names)
            )


def wants_of(step: Prepare, said: Mapping[str, Any]) -> tuple[Want, ...]:
    """What each column shall become, by `{party: {"kinds": {column: kind}, "labels": {column: labels}}}`.

    The parties' columns must agree; labels are the union of those named.

    Raises:
        DataError: a column that the step names is missing, or the parties differ in their columns.

    Example:
        >>> from hansa.horizontal.prepare import Prepare
        >>> home = {"kinds": {"home": "label"}, "labels": {"home": ["rent", "own"]}}
        >>> wants_of(Prepare(), {"bank-a": home})[0].levels
        ('own', 'rent')
    """
    first, columns = next(iter(said.items()))
    for name in (*step.keep, *step.columns):
        if name not in columns["kinds"]:
            raise DataError(f"{first} has no feature '{name}'.", mend=nearest(name, columns["kinds"]))
    words = {name for name, coding in step.columns.items() if coding.how in LABELLED or coding.how == "tokens"}
    check_alike({party: one["kinds"] for party, one in said.items()}, words)
    return tuple(_want(step, name, said) for name in columns["kinds"])


def _want(step: Prepare, name: str, said: Mapping[str, Any]) -> Want:
    words = any(one["kinds"][name] == "label" for one in said.values())
    coding = step.columns.get(name, Coding())
    how = coding.how
    if how == "default":
        how = step.categorical if words or coding.levels else step.numeric
    labels = {label for one in said.values() for label in one["labels"].get(name, ())}
    return Want(
        name,
        how,
        coding.max_n_bins or step.max_n_bins,
        step.winsorise if coding.winsorise is None and how == "standardise" else coding.winsorise or 0.0,
        step.signed_log if coding.signed_log is None and how == "standardise" else bool(coding.signed_log),
        coding.special_codes,
        coding.levels or (in_order(labels) if how in LABELLED else ()),
        coding.length or Want.length,
        coding.buckets or Want.buckets,
    )
