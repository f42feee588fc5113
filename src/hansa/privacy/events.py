"""What links, trainers and steps release, as frozen data that an accountant reads, and may refuse.

An event says one mechanism's noise against the most that one unit can change; `Composed` says that some happen, and how
often. Nothing here computes an epsilon. The tree follows the idea of differential privacy's event trees: what was done
is stated once, and any accountant may judge it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final, get_args

from hansa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

Unit: TypeAlias = Literal["record", "customer", "institution"]
Relation: TypeAlias = Literal["add_or_remove", "replace_one", "zero_out"]
Against: TypeAlias = Literal["coordinator", "readers"]
UNITS: Final[tuple[str, ...]] = get_args(Unit)


@final
@dataclass(frozen=True)
class Protects:
    """Whom an event protects, under which neighbouring relation, and against whom.

    `unit`: two data sets are neighbours where they differ by one record, by all records of one customer of a party, or
    by all that one institution gives; with "zero_out" nothing takes its place, and whatever follows keeps its own.
    `against`: the `coordinator` and all beyond it, or only those `readers` who see
    what the coordinator releases.

    Raises:
        ConfigError: an unknown word.

    Example:
        >>> print(Protects("customer"))
        customer, add_or_remove, against the coordinator
    """

    unit: Unit
    relation: Relation = "add_or_remove"
    against: Against = "coordinator"

    def __post_init__(self) -> None:
        """Check the words."""
        if self.unit not in UNITS or self.relation not in get_args(Relation) or self.against not in get_args(Against):
            raise ConfigError(
                f"There is no protection of '{self.unit}' under '{self.relation}' against '{self.against}'.",
                mend=f"Units: {', '.join(UNITS)}. Relations: {', '.join(get_args(Relation))}.",
            )

    def __str__(self) -> str:
        """State it in a line."""
        return f"{self.unit}, {self.relation}, against the {self.against}"


@final
@dataclass(frozen=True)
class Gaussian:
    """Gaussian noise on a sum; `noise_multiplier` is its standard deviation by the most that one unit changes (L2).

    Discrete Gaussian noise of one drawer on a fine grid is stated so too, however it is rounded afterwards. That of few
    steps is not: at one delta its epsilon may be larger (see `counts`).

    Raises:
        ConfigError: a multiplier below 0.

    Example:
        >>> Gaussian(2.0, Protects("institution")).noise_multiplier
        2.0
    """

    noise_multiplier: float
    protects: Protects

    def __post_init__(self) -> None:
        """Check the range."""
        _positive("noise_multiplier", self.noise_multiplier, zero=True)


@final
@dataclass(frozen=True)
class SampledGaussian:
    """Gaussian noise on a sum over a Poisson sample: each unit is in it with probability `sampling`, by itself.

    The sample comes from the operating system's generator and nobody learns it, so that it may count as amplification.

    Raises:
        ConfigError: a probability outside (0, 1], or a multiplier below 0.

    Example:
        >>> SampledGaussian(0.01, 1.0, Protects("record")).sampling
        0.01
    """

    sampling: float
    noise_multiplier: float
    protects: Protects

    def __post_init__(self) -> None:
        """Check the ranges."""
        _positive("noise_multiplier", self.noise_multiplier, zero=True)
        _positive("sampling", self.sampling)
        if self.sampling > 1:
            raise ConfigError("sampling must be a probability in (0, 1].", f"Got {self.sampling!r}.")


@final
@dataclass(frozen=True)
class FixedSizeGaussian:
    """Gaussian noise on a sum over a sample of `sample` units out of `of`, drawn without replacement, nobody knows who.

    Where the size is fixed, one unit more is no neighbour: units are replaced, and `of` is known.

    Raises:
        ConfigError: a sample larger than the whole, a multiplier below 0, or another relation than "replace_one".

    Example:
        >>> FixedSizeGaussian(100, 10_000, 2.0, Protects("record", "replace_one")).sample
        100
    """

    sample: int
    of: int
    noise_multiplier: float
    protects: Protects

    def __post_init__(self) -> None:
        """Check the ranges."""
        _positive("noise_multiplier", self.noise_multiplier, zero=True)
        _positive("sample", self.sample)
        if self.sample > self.of:
            raise ConfigError("A sample is at most the whole.", f"Got {self.sample!r} of {self.of!r}.")
        _needs(self.protects, "replace_one")


@final
@dataclass(frozen=True)
class TreeGaussian:
    """Gaussian noise on each node of a binary tree of sums over `steps`, in which each unit is in one step at most.

    The sum up to every step is found from few nodes, and no sample has to be drawn (Kairouz et al. 2021, DP-FTRL,
    appendix D). Compose it as often as there are passes.

    Raises:
        ConfigError: a multiplier below 0, no steps, or another relation than "zero_out".

    Example:
        >>> TreeGaussian(8.83, 1600, Protects("record", "zero_out")).steps
        1600
    """

    noise_multiplier: float
    steps: int
    protects: Protects

    def __post_init__(self) -> None:
        """Check the ranges."""
        _positive("noise_multiplier", self.noise_multiplier, zero=True)
        _positive("steps", self.steps)
        _needs(self.protects, "zero_out")


@final
@dataclass(frozen=True)
class DistributedGaussian:
    """A sum to which each of `parties` adds discrete Gaussian noise of its own, inside a secure sum's ring.

    `sigma` is one party's standard deviation and `sensitivity` the most that one unit changes (L2), both in steps of
    the ring, over `size` coordinates. So many `parties`' noise nobody knows: the fewest survivors, less colluders. A
    sum of discrete Gaussians is not quite one: Kairouz, Liu and Steinke (2021), theorem 1, says by how much.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> DistributedGaussian(40.0, 16.0, size=1000, parties=4, protects=Protects("institution")).noise_multiplier
        5.0
    """

    sigma: float
    sensitivity: float
    size: int
    parties: int
    protects: Protects

    def __post_init__(self) -> None:
        """Check the ranges."""
        _positive("sigma", self.sigma)
        _positive("sensitivity", self.sensitivity)
        _positive("size", self.size)
        _positive("parties", self.parties)

    @property
    def noise_multiplier(self) -> float:
        """The standard deviation of all that noise together, by the sensitivity."""
        return float(self.sigma * self.parties**0.5 / self.sensitivity)


@final
@dataclass(frozen=True)
class Laplace:
    """Laplace or geometric noise on a sum; `scale` is its scale by the most that one unit changes (L1).

    Pure: epsilon is 1 / scale (Dwork et al. 2006; Ghosh, Roughgarden and Sundararajan 2009 for whole numbers).

    Raises:
        ConfigError: a scale that is not above 0.

    Example:
        >>> Laplace(2.0, Protects("record")).scale
        2.0
    """

    scale: float
    protects: Protects

    def __post_init__(self) -> None:
        """Check the range."""
        _positive("scale", self.scale)

    @property
    def noise_multiplier(self) -> float:
        """The scale, as a step's setting has it."""
        return self.scale


@final
@dataclass(frozen=True)
class Infinite:
    """Something leaves that no noise covers, or noise that covers nothing: epsilon is infinite, and `reason` says why.

    Example:
        >>> print(Infinite("perturb", "No bound on the update."))
        perturb: epsilon = infinity. No bound on the update.
    """

    source: str
    reason: str

    @property
    def epsilon(self) -> float:
        """Infinity."""
        return inf

    def __str__(self) -> str:
        """State it in a line."""
        return f"{self.source}: epsilon = infinity. {self.reason}"


@final
@dataclass(frozen=True)
class Composed:
    """Some events one after the other, all of them `times` over; each may depend on what the ones before released.

    Raises:
        ConfigError: a number of times below 0.

    Example:
        >>> steps = Composed((SampledGaussian(0.01, 1.0, Protects("record")),), times=1000)
        >>> steps.times, len(steps.events)
        (1000, 1)
    """

    events: tuple[PrivacyEvent, ...]
    times: int = 1

    def __post_init__(self) -> None:
        """Check the range."""
        _positive("times", self.times, zero=True)


Noised: TypeAlias = Gaussian | SampledGaussian | FixedSizeGaussian | TreeGaussian | DistributedGaussian | Laplace
"""Noise that protects somebody."""
PrivacyEvent: TypeAlias = Noised | Infinite | Composed
"""All that an accountant may meet."""


def leaves(events: Iterable[PrivacyEvent]) -> list[tuple[PrivacyEvent, int]]:
    """Every single event under some, with how often it happens.

    Example:
        >>> one = Laplace(1.0, Protects("record"))
        >>> [(type(event).__name__, times) for event, times in leaves([Composed((one, Composed((one,), 3)), 2)])]
        [('Laplace', 2), ('Laplace', 6)]
    """
    found: list[tuple[PrivacyEvent, int]] = []
    for event in events:
        if isinstance(event, Composed):
            found += [(leaf, times * event.times) for leaf, times in leaves(event.events)]
        else:
            found.append((event, 1))
    return found


def _needs(protects: Protects, relation: Relation) -> None:
    if protects.relation != relation:
        raise ConfigError(
            f"Such noise is accounted for under '{relation}'.",
            f"Got '{protects.relation}'.",
            f'Say Protects("{protects.unit}", "{relation}").',
        )


def _positive(name: str, value: float, *, zero: bool = False) -> None:
    if not (value > 0 or (zero and value == 0)) or value == inf:
        least = "at least 0" if zero else "above 0"
        raise ConfigError(f"{name} must be {least}, and finite.", f"Got {value!r}.")
