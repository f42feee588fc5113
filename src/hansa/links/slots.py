"""What a link needs to know of a load, and of its own settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hansa.core.load import BOUND
from hansa.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.load import Load

BESIDE: Final = frozenset({"weight", "rows", "loss", BOUND})


def updates(load: Load) -> dict[str, NDArray[np.floating]]:
    """The vectors `[n, k]` that carry the update, by name: all floats but `weight`, `rows`, `loss`, `bound`; no counts.

    `delta` is one of them; a slot of floats that a link adds is another, and is clipped, weighed and combined with it.

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"rows": np.ones((1, 1)), "delta": np.ones((1, 3)), "control": np.ones((1, 3))})
        >>> list(updates(load))
        ['control', 'delta']
    """
    return {name: load[name] for name in sorted(load.vectors) if name not in BESIDE and load[name].dtype.kind == "f"}


def weights(load: Load) -> NDArray[np.float64]:
    """How much each party counts, `[n, 1]`: what a link of stage `weight` has set, else its examples.

    Example:
        >>> from hansa.core.load import Load
        >>> weights(Load({"rows": np.array([[120.0]]), "delta": np.ones((1, 3))})).tolist()
        [[120.0]]
    """
    return load["weight" if "weight" in load else "rows"].astype(np.float64)


def mean_of(total: Load | None) -> Load | None:
    """Summed updates by the summed weight, `[1, k]` each; None where nobody came, or nobody weighs anything.

    Example:
        >>> from hansa.core.load import Load
        >>> mean_of(Load({"weight": np.array([[2.0]]), "delta": np.array([[3.0, 4.0]])}))["delta"].tolist()
        [[1.5, 2.0]]
    """
    if total is None or not total["weight"][0, 0] > 0:
        return None
    return total.replace(**{name: vector / total["weight"] for name, vector in updates(total).items()})


def bare(load: Load) -> Load:
    """The update without what no noise covers: no row counts, no losses; parties weigh alike unless a link has said.

    Example:
        >>> from hansa.core.load import Load
        >>> bare(Load({"rows": np.array([[120.0]]), "delta": np.ones((1, 1))})).vectors["weight"].tolist()
        [[1.0]]
    """
    if "weight" not in load:
        load = load.replace(weight=(load["rows"] > 0).astype(np.float64))
    return load.without("rows", "loss")


def require(ok: bool, needs: str, got: object) -> None:  # noqa: FBT001 - the check itself reads first
    """Check a setting.

    Raises:
        ConfigError: it is out of range; says what the link needs, and what it got.

    Example:
        >>> require(1.5 <= 1, "poisson needs p in (0, 1]", 1.5)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: poisson needs p in (0, 1]. Got 1.5.
    """
    if not ok:
        raise ConfigError(f"{needs}.", f"Got {got!r}.")
