"""The rows that a party's handlers learn from and are tested on: its table, prepared and divided into parts."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hansa.core.codec import pack, unpack
from hansa.core.party import Memory, Site
from hansa.core.table import Table
from hansa.core.trainer import Design
from hansa.data.parts import PART_COLUMN, PARTS, TRAIN, Codes, Split, features_of
from hansa.errors import DataError, Refused
from hansa.horizontal.floors import Floors, floors_of
from hansa.horizontal.noise import Noise
from hansa.horizontal.prepared import Prepared

Part: TypeAlias = Literal["train", "validation", "test"]

_RAW = "raw"


def design_of(site: Site, memory: Memory, part: Part, dtype: str) -> Design:
    """One part of a party's rows as a trainer wants them: `X [rows, width]` and weights in `dtype`, `y [rows]`.

    With a preparation in memory its columns and its split are used. Without one the table's numeric features are taken
    as they are and every row trains, unless the table's own `__part__` column says otherwise. Made once for each site.

    Raises:
        DataError: a column or the target is missing or of the wrong kind, or raw features have gaps.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Rounds
        >>> table = Table.of({"x": [1.0, 2.0], "y": [0, 1]}, target="y")
        >>> site = Site("bank-a", Job("scores", (Rounds(),)), table)
        >>> design_of(site, {}, "train", "float32").X.tolist(), design_of(site, {}, "test", "float32").rows
        ([[1.0], [2.0]], 0)
    """
    digest = _digest(memory)
    return site.derived(f"design/{digest}/{part}/{dtype}", lambda: _design(site, memory, part, dtype))


def width_of(site: Site, memory: Memory) -> int:
    """How many columns a party's designs have.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Rounds
        >>> width_of(Site("bank-a", Job("scores", (Rounds(),)), Table.of({"x": [1], "z": [2]})), {})
        2
    """
    prepared = prepared_of(site, memory)
    return len(features_of(site.table)) if prepared is None else prepared.width


def prepared_of(site: Site, memory: Memory) -> Prepared | None:
    """The preparation that a party has adopted; None where the job has none.

    Raises:
        Refused: the job prepares its columns, and this party was away when the preparation was handed out.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Rounds
        >>> prepared_of(Site("bank-a", Job("scores", (Rounds(),)), Table.of({"x": [1]})), {}) is None
        True
    """
    if "prepared" not in memory:
        if any(step.title in {"prepare", "binning"} for step in site.job.steps):
            raise Refused(
                "The job's preparation has not been taken.",
                "The party was away when it was handed out, and raw columns would not fit the model.",
                "Start the job again with all parties, or set a quorum that does without this one.",
            )
        return None
    return site.derived(f"prepared/{_digest(memory)}", lambda: unpack(Prepared, memory["prepared"].tobytes()))


def check_taken(memory: Memory, digest: str) -> None:
    """Refuse where a model's columns are prepared otherwise than this party has taken; an empty digest says nothing.

    Raises:
        Refused: the party was away when the last preparation, such as a scorecard's points, was handed out.

    Example:
        >>> check_taken(remembered(Prepared(())), Prepared(()).digest)
    """
    if digest and _digest(memory) != digest:
        raise Refused(
            "The model's columns are prepared otherwise than this party has taken.",
            "The party was away when the last preparation was handed out, and its scores would be wrong.",
            "Start the job again with all parties, or set a quorum that does without this one.",
        )


def remembered(prepared: Prepared | None) -> Memory:
    """What parties remember of a job's preparation: `prepared`, uint8 `[bytes]`; nothing where there was none.

    Example:
        >>> remembered(None)
        {}
    """
    return {} if prepared is None else {"prepared": np.frombuffer(pack(prepared), np.uint8)}


def floors_at(site: Site, memory: Memory, part: Part) -> Floors:
    """The job's floors for one part of a party's rows.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Rounds
        >>> table = Table.of({"who": [1, 1, 2, 3], "x": [1, 2, 3, 4]}, id="who")
        >>> floors_at(Site("bank-a", Job("scores", (Rounds(),), min_cell=2), table), {}, "train").cell
        3
    """
    mine = PARTS.index(part)
    return site.derived(f"floors/{_digest(memory)}/{part}", lambda: floors_of(site).at(_parts(site, memory) == mine))


def enough(data: Design, floors: Floors) -> Design:
    """The same rows, or none where fewer than the job's `min_rows` customers stand behind them.

    Example:
        >>> enough(Design(np.ones((2, 1)), np.ones(2)), Floors(min_rows=3)).rows
        0
    """
    if floors.suffice(data.rows, data.weight):
        return data
    return Design(data.X[:0], data.y[:0], None if data.weight is None else data.weight[:0])


def parts_of(table: Table, split: Split | None) -> Codes:
    """Each row's part, int8 `[rows]`: by the table's own `__part__` column, else by the split, else all train.

    Raises:
        DataError: `__part__` holds something other than 0, 1, 2 and 3.

    Example:
        >>> parts_of(Table.of({"x": [1, 2], "__part__": [0, 2]}), None).tolist()
        [0, 2]
    """
    if PART_COLUMN in table.columns:
        given = table.column(PART_COLUMN)
        if given.kind != "integer" or given.gaps.any() or not np.isin(given.values, range(len(PARTS) + 1)).all():
            parts = "0 (train), 1 (validation), 2 (test) or 3 (left out)"
            raise DataError(f"Column '{PART_COLUMN}' must hold {parts} for every row.")
        return given.values.astype(np.int8)
    return np.full(len(table), TRAIN, np.int8) if split is None else split.codes(table)


def parts_at(site: Site, split: Split | None) -> Codes:
    """The parts of a site's rows, as `parts_of` tells them. Made once for each split: rows without an id are hashed.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Rounds
        >>> table = Table.of({"x": [1, 2], "__part__": [0, 2]})
        >>> parts_at(Site("bank-a", Job("scores", (Rounds(),)), table), None).tolist()
        [0, 2]
    """
    return site.derived(f"parts/{split!r}", lambda: parts_of(site.table, split))


def train_of(site: Site, split: Split | None, noise: Noise) -> tuple[Table, Floors]:
    """The training rows that count, or none where they are too few and no noise hides that, and their floors.

    Example:
        >>> from hansa.core.job import Job
        >>> from hansa.horizontal.rounds import Rounds
        >>> site = Site("bank-a", Job("scores", (Rounds(),), min_rows=3), Table.of({"x": [1, 2]}))
        >>> [len(train_of(site, None, Noise(multiplier))[0]) for multiplier in (0.0, 1.0)]
        [0, 2]
    """
    rows = np.flatnonzero(parts_at(site, split) == TRAIN)
    floors = noise.floors(floors_of(site).at(rows))
    rows = rows if floors.suffice(len(rows)) else rows[:0]
    return site.table.take(noise.rows(rows, floors.who)), floors


def _design(site: Site, memory: Memory, part: Part, dtype: str) -> Design:
    prepared, codes = prepared_of(site, memory), _parts(site, memory)
    mine = codes == PARTS.index(part)
    table = site.table if mine.all() else site.table.take(np.flatnonzero(mine))
    if prepared is None and part == "train" and not mine.all():
        _raw(site.table.take(np.flatnonzero(codes < len(PARTS))), dtype)  # of all parts: a test row shows now, not last
    X = _raw(table, dtype) if prepared is None else prepared.transform(table, dtype)
    weight = None if table.weight is None else table.weights().astype(dtype)
    y = table.y().astype(dtype, copy=False) if part == "train" else table.y()
    return Design(X, y, weight)


def _parts(site: Site, memory: Memory) -> Codes:
    prepared = prepared_of(site, memory)
    return parts_at(site, None if prepared is None else prepared.split)


def _raw(table: Table, dtype: str) -> NDArray[np.floating]:
    X = np.ascontiguousarray(table.matrix(features_of(table)), dtype=dtype)
    if not np.isfinite(X).all():
        raise DataError(
            "The features have gaps or are not finite.", "No step has filled them.", "Add a prepare step to the job."
        )
    return X


def _digest(memory: Memory) -> str:
    return _sha256(memory["prepared"].tobytes()) if "prepared" in memory else _RAW


@lru_cache(maxsize=64)
def _sha256(body: bytes) -> str:
    """Hex digest; parties remember the same few preparations over and over."""
    return sha256(body).hexdigest()
