"""Bounding and noising each party's update.

`clip_l2` bounds. `perturb` is the textbook noise that guarantees nothing, and says so; noise that is calibrated to a
bound and read by an accountant is another link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import numpy as np

from hansa.core.draws import system_normal
from hansa.core.link import Guarantees, Link, Stage
from hansa.core.load import BOUND
from hansa.links.slots import require, updates
from hansa.privacy.events import Infinite

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Load, Vectors

_MARGIN: Final = 16
"""How many units of rounding a clip stays below its bound, so that the bound holds in floating point too."""


@final
@dataclass(frozen=True)
class clip_l2(Link):
    """Scale each party's update down to an L2 norm of at most `bound`; a shorter one stays as it is.

    The norm is over all slots of the update together, so that nothing leaves unbounded beside `delta`.

    Raises:
        ConfigError: a bound that is not above 0.

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"delta": np.array([[3.0, 4.0], [0.3, 0.4]])})
        >>> clip_l2(1.0).apply(load, {}, {}, ())[0]["delta"].round(6).tolist()
        [[0.6, 0.8], [0.3, 0.4]]
    """

    stage: ClassVar[Stage] = "party"

    bound: float

    def __post_init__(self) -> None:
        """Check the range."""
        require(0 < self.bound < np.inf, "clip_l2 needs a bound above 0", self.bound)

    @property
    def guarantees(self) -> Guarantees:
        """A party's update has a bounded norm after it."""
        return Guarantees(bounds=True)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Scale each row whose joint norm is above the bound."""
        return clipped(load, self.bound)[0], mine

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Tell the bound to the coordinator's links."""
        return total.replace(**{BOUND: np.array([[self.bound]])}), state


@final
@dataclass(frozen=True)
class perturb(Link):
    """Add Gaussian noise of standard deviation `sigma` to every number of a party's update; it guarantees nothing.

    Nothing bounds the update that the noise should hide, and nobody accounts for round after round of it: epsilon =
    infinity. The noise comes from the operating system's generator; with `reproducible_noise` it comes from the job's
    seed, which everybody in the job can draw again, and no privacy is claimed at all.

    Raises:
        ConfigError: a sigma that is not above 0.

    Example:
        >>> print(perturb(0.1).sentence())
        perturb(sigma=0.1, epsilon = infinity)
    """

    stage: ClassVar[Stage] = "party"

    sigma: float
    reproducible_noise: bool = False

    def __post_init__(self) -> None:
        """Check the range."""
        require(0 < self.sigma < np.inf, "perturb needs a sigma above 0", self.sigma)

    @property
    def guarantees(self) -> Guarantees:
        """None; the event says so to the accountant."""
        reason = "The noise is calibrated to no bound on a party's update, and no accountant adds up the rounds."
        if self.reproducible_noise:
            reason = "The noise is drawn from the job's seed, so that it can be taken off again: no privacy is claimed."
        return Guarantees(keeps_bound=True, event=Infinite("perturb", reason))

    def sentence(self) -> str:
        """The settings, and what they are worth."""
        source = ", reproducible_noise=True" if self.reproducible_noise else ""
        return f"perturb(sigma={self.sigma!r}{source}, epsilon = infinity)"

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Add the noise, fresh for each party and slot."""
        return load.replace(
            **{name: vector + self._noise(name, vector, draws) for name, vector in updates(load).items()}
        ), mine

    def _noise(self, slot: str, vector: NDArray[np.floating], draws: Sequence[Draws]) -> NDArray[np.floating]:
        n, k = vector.shape
        if self.reproducible_noise:
            noise = np.stack([draw.normal(f"perturb {slot}", k) for draw in draws])
        else:
            noise = system_normal(n * k).reshape(n, k)
        return (self.sigma * noise).astype(vector.dtype)


def clipped(load: Load, bound: float) -> tuple[Load, NDArray[np.bool_]]:
    """Scale each row whose joint norm is above the bound, tell the bound to later links, and say which rows `[n, 1]`.

    Example:
        >>> from hansa.core.load import Load
        >>> load, long = clipped(Load({"delta": np.array([[3.0, 4.0], [0.3, 0.4]])}), 1.0)
        >>> long.tolist(), load["bound"].tolist()
        ([[True], [False]], [[1.0], [1.0]])
    """
    slots = updates(load)
    norm = joint_norm(slots.values(), load.n)
    coarsest = max((float(np.finfo(vector.dtype).eps) for vector in slots.values()), default=0.0)
    long: NDArray[np.bool_] = norm > bound
    scale = np.where(long, bound * (1 - _MARGIN * coarsest) / np.where(long, norm, 1.0), 1.0)
    cut = {name: vector * _down(scale, vector.dtype) for name, vector in slots.items()}
    return load.replace(**cut, **{BOUND: np.full((load.n, 1), bound)}), long


def _down(scale: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A scale in this precision, rounded down: one for a huge update may be too small for all of its digits."""
    near = scale.astype(dtype)
    return np.where(near > scale, np.nextafter(near, near.dtype.type(0)), near)


def joint_norm(vectors: Iterable[NDArray[np.floating]], n: int) -> NDArray[np.float64]:
    """The L2 norm of each row over all vectors, `[n, 1]`; in C order a stack adds up as a party alone does.

    Example:
        >>> joint_norm([np.array([[3.0]]), np.array([[4.0]])], 1).tolist()
        [[5.0]]
    """
    squares = np.zeros((n, 1))
    with np.errstate(over="ignore"):
        for vector in vectors:
            squares += np.square(vector, dtype=np.float64, order="C").sum(axis=1, keepdims=True)
    norm: NDArray[np.float64] = np.sqrt(squares)
    return norm
