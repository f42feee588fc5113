"""Noise that protects an institution: what a whole party gives, under all its customers together.

Each party's update is bounded by a clip before; the noise is calibrated to that bound, is drawn exactly on a grid from
the operating system, and is charged once a round. That a party takes part is known; what it gives is protected: its
neighbour is the same party with an update of nothing. There are few institutions and all are asked, so nothing
amplifies: expect a large epsilon, or a model that has learned little.

`gaussian_noise` trusts the coordinator, who draws it after the sum; `local_noise` trusts nobody; `distributed_noise`
trusts that enough parties draw their share, which only the sum shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, ClassVar, Final, final

import numpy as np

from hansa.core.link import Guarantees, Link, Stage
from hansa.core.load import BOUND
from hansa.errors import PolicyRefusal
from hansa.links.dp import clipped
from hansa.links.slots import bare, require, updates
from hansa.privacy.counts import noised_counts
from hansa.privacy.events import DistributedGaussian, Gaussian, Protects
from hansa.privacy.grid import in_steps, noised
from hansa.privacy.sampling import discrete_gaussian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Load, Vectors

_TAIL: Final = 12.0
"""Noise beyond so many standard deviations has a chance below 2^-100 a coordinate; there must be room for it."""

_STEPS: Final = 1000.0
"""A share of noise is at least so many steps of the ring: a sum of shares is then as good as a discrete Gaussian."""

_MOST: Final = 1 << 40  # coordinates, more than any update has


@final
@dataclass(frozen=True)
class adaptive_clip(Link):
    """Cut each party's update to a bound that follows the updates: the `quantile` of their norms (Andrew et al. 2021).

    Parties say whether their update was cut, which one of nothing never is. The coordinator adds Gaussian
    noise to that count, of `noise_multiplier` by the most that one party changes it, and moves the bound by exp(-rate
    (share - quantile)), with the share within the bound: algorithm 1 there. The noised count is charged; it stands
    against readers of the bound, not against the coordinator.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> from hansa.core.load import Load
        >>> link, update = adaptive_clip(start=1.0), Load({"delta": np.array([[3.0, 4.0]]), "rows": np.array([[9.0]])})
        >>> left, _ = link.apply(update, link.tell(link.begin(2)), {}, ())
        >>> left["delta"].round(6).tolist(), left["long"].tolist()
        ([[0.6, 0.8]], [[1, 1]])
    """

    stage: ClassVar[Stage] = "party"

    start: float = 1.0
    quantile: float = 0.5
    rate: float = 0.2
    noise_multiplier: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.start < np.inf, "adaptive_clip needs a start above 0", self.start)
        require(0 <= self.quantile <= 1, "adaptive_clip needs a quantile in [0, 1]", self.quantile)
        require(0 < self.rate <= 1, "adaptive_clip needs a rate in (0, 1]", self.rate)
        require(0 < self.noise_multiplier < np.inf, "adaptive_clip needs noise above 0", self.noise_multiplier)

    @property
    def guarantees(self) -> Guarantees:
        """A party's update has a bounded norm after it; the bound tells of the updates, by a noised count."""
        event = Gaussian(self.noise_multiplier, Protects("institution", against="readers"))
        return Guarantees(bounds=True, draws=True, event=event)

    def begin(self, size: int) -> Vectors:
        """The first bound."""
        return {"bound": np.array([[self.start]])}

    def tell(self, state: Vectors) -> Told:
        """The bound of the round."""
        return {"bound": state["bound"]}

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Cut, and say whether there was something to cut, and that there is an update."""
        load, long = clipped(load, float(told["bound"][0, 0]))
        there = load["rows"] > 0 if "rows" in load else load["weight"] > 0
        return load.replace(long=np.concatenate([long & there, there], axis=1).astype(np.int64)), mine

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Move the bound by the noised count."""
        bound, (long, parties) = float(state["bound"][0, 0]), total["long"][0].tolist()
        cut = float(noised_counts(np.array([long]), 1.0, self.noise_multiplier)[0]) / max(parties, 1)
        share = min(max(1 - cut, 0.0), 1.0)
        after = bound * float(np.exp(-self.rate * (share - self.quantile)))
        return total.without("long").replace(**{BOUND: np.array([[bound]])}), {"bound": np.array([[after]])}


@final
@dataclass(frozen=True)
class gaussian_noise(Link):
    """Add Gaussian noise to the sum of the parties' updates, at the coordinator: of `noise_multiplier` x the bound.

    Exact, on a grid. It protects against those who see the model, and not against the coordinator, who sees the sum.

    Raises:
        ConfigError: a multiplier that is not above 0.

    Example:
        >>> from hansa.core.load import Load
        >>> total = Load({"delta": np.zeros((1, 2)), "weight": np.array([[5.0]]), "bound": np.array([[1.0]])})
        >>> gaussian_noise(1.0).close(total, {})[0]["delta"].shape
        (1, 2)
    """

    stage: ClassVar[Stage] = "coordinator"

    noise_multiplier: float

    def __post_init__(self) -> None:
        """Check the range."""
        require(0 < self.noise_multiplier < np.inf, "gaussian_noise needs noise above 0", self.noise_multiplier)

    @property
    def guarantees(self) -> Guarantees:
        """Calibrated to a bound, and to parties that weigh alike."""
        event = Gaussian(self.noise_multiplier, Protects("institution", against="readers"))
        return Guarantees(needs_bound=True, needs_even=True, draws=True, event=event)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """At the party: take away what the noise will not cover."""
        return bare(load), mine

    def close(self, total: Load, state: Vectors) -> tuple[Load, Vectors]:
        """Noise on the sum, which is the mean times the parties; all slots of the update together."""
        slots, parties, bound = updates(total), float(total["weight"][0, 0]), float(total[BOUND][0, 0])
        flat = np.concatenate([slots[name][0].astype(np.float64) * parties for name in slots])
        return total.replace(**_split(noised(flat, bound, self.noise_multiplier) / parties, slots)), state


@final
@dataclass(frozen=True)
class local_noise(Link):
    """Each party adds all of the noise that protects it to its own update: `noise_multiplier` x the bound before it.

    Exact, on a grid. It trusts nobody, and costs most: n parties' noise adds up.

    Raises:
        ConfigError: a multiplier that is not above 0.

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"delta": np.zeros((2, 3)), "bound": np.ones((2, 1)), "rows": np.ones((2, 1))})
        >>> local_noise(1.0).apply(load, {}, {}, ())[0]["delta"].shape
        (2, 3)
    """

    stage: ClassVar[Stage] = "party"

    noise_multiplier: float

    def __post_init__(self) -> None:
        """Check the range."""
        require(0 < self.noise_multiplier < np.inf, "local_noise needs noise above 0", self.noise_multiplier)

    @property
    def guarantees(self) -> Guarantees:
        """Calibrated to a bound."""
        event = Gaussian(self.noise_multiplier, Protects("institution"))
        return Guarantees(needs_bound=True, keeps_bound=True, event=event)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Noise on each party's update, all slots together."""
        slots, bounds = updates(load), load[BOUND][:, 0].tolist()
        whole = np.concatenate(list(slots.values()), axis=1)
        drawn = np.stack([noised(row, bound, self.noise_multiplier) for row, bound in zip(whole, bounds, strict=True)])
        return bare(load.replace(**_split(drawn, slots))), mine


@final
@dataclass(frozen=True)
class distributed_noise(Link):
    """Each party adds a share of the noise, discrete Gaussian in the ring of the secure sum (Kairouz et al. 2021).

    Only the sum is seen, and in it `noise_multiplier` x the bound is reached by the shares of `parties`: the fewest
    that are in any sum, less those that are in league with others; parties sign no sum of fewer. More parties, more
    noise. `bits` and `clip` are the secure sum's, which needs room for the noise's tail. A party without rows adds an
    update of nothing, and its share.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> from hansa.core.load import Load
        >>> load = Load({"delta": np.zeros((2, 3)), "bound": np.ones((2, 1)), "rows": np.ones((2, 1))})
        >>> steps = distributed_noise(1.0, parties=4).apply(load, {}, {}, ())[0]["delta"] * 2**24
        >>> bool((steps == np.rint(steps)).all())
        True
    """

    stage: ClassVar[Stage] = "party"

    noise_multiplier: float
    parties: int
    bits: int = 24
    clip: float = 16.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(0 < self.noise_multiplier < np.inf, "distributed_noise needs noise above 0", self.noise_multiplier)
        require(self.parties >= 1, "distributed_noise needs the shares of at least 1 party", self.parties)

    @property
    def guarantees(self) -> Guarantees:
        """Calibrated to a bound and to even weights; only a secure sum of the same ring hides the single shares."""
        sensitivity = _STEPS * sqrt(self.parties) / self.noise_multiplier
        event = DistributedGaussian(_STEPS, sensitivity, _MOST, self.parties, Protects("institution"))
        needs = Guarantees(needs_bound=True, needs_even=True, needs_ring=(self.bits, self.clip))
        return replace(needs, keeps_bound=True, shares=self.parties, event=event)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Bring each party's update onto the ring's grid, within its bound there too, and add its share.

        Raises:
            PolicyRefusal: the ring has no room for bound and noise, or its steps are too coarse for them.
        """
        slots, bounds = updates(load), load[BOUND][:, 0].tolist()
        whole = np.concatenate(list(slots.values()), axis=1)
        made = np.stack([self._share(row, bound) for row, bound in zip(whole, bounds, strict=True)])
        return bare(load.replace(**_split(made, slots), weight=np.ones((load.n, 1)))), mine

    def _share(self, row: NDArray[np.floating], bound: float) -> NDArray[np.float64]:
        step = 2.0**-self.bits
        within = bound - sqrt(len(row)) / 2 * step  # rounding adds at most half a step to each coordinate
        sigma = self.noise_multiplier * bound / sqrt(self.parties)
        if within <= 0 or sigma < _STEPS * step or bound + _TAIL * sigma > self.clip:
            raise PolicyRefusal(
                "The secure sum's ring does not fit the noise.",
                f"A bound of {bound:.3g} with noise of {sigma:.3g} needs a clip of {bound + _TAIL * sigma:.3g} and"
                f" steps below {sigma / _STEPS:.3g}; it has {self.clip:.3g} and {step:.3g}.",
                "Raise clip or bits of secure_sum and distributed_noise alike, and lower the largest weight as much.",
            )
        grid = in_steps(row.astype(np.float64) * (within / bound), step)
        return (grid + discrete_gaussian(sigma / step, len(row))).astype(np.float64) * step


def _split(whole: NDArray[np.float64], like: dict[str, NDArray[np.floating]]) -> dict[str, NDArray[np.float64]]:
    """Slots side by side, `[n, k]` or `[k]`, as the slots they were."""
    ends = np.cumsum([vector.shape[1] for vector in like.values()])[:-1]
    return dict(zip(like, np.split(np.atleast_2d(whole), ends, axis=1), strict=True))
