r"""What a row of events costs: epsilon for a delta, as an upper bound, or a refusal; the one room of `dp_accounting`.

Two accountants: `pld` composes privacy loss distributions, each rounded up (Koskela et al. 2020; Doroshenko et al.
2022), and is the tighter one; `rdp` composes Renyi divergences (Mironov 2017; Canonne, Kamath and Steinke 2020,
proposition 12) and knows noise from many parties, on samples of a fixed size and in trees too. What neither knows is
refused: nothing is guessed.

All sensitivities are to one unit more or less. Where units are replaced, both accountants count twice as much.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import exp, inf, isfinite, pi, sqrt
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from hansa.errors import CannotAccount, ConfigError
from hansa.extras import need
from hansa.privacy.events import (
    Composed,
    DistributedGaussian,
    FixedSizeGaussian,
    Gaussian,
    Infinite,
    Laplace,
    PrivacyEvent,
    Protects,
    Relation,
    SampledGaussian,
    TreeGaussian,
    leaves,
)

Accountant: TypeAlias = Literal["pld", "rdp"]
ACCOUNTANTS: Final[tuple[Accountant, ...]] = ("pld", "rdp")
_INTERVAL: Final = 1e-4
_WIDE: Final = 50.0
"""Up to here losses are rounded up to multiples of `_INTERVAL`; beyond, to coarser ones, or it would take minutes."""
_HOPELESS: Final = 1000.0
"""From here on nobody needs a tight figure: the bound of `rdp` is told."""
_MOST: Final = 10**9
_NEAR: Final = MappingProxyType(
    {"add_or_remove": "ADD_OR_REMOVE_ONE", "replace_one": "REPLACE_ONE", "zero_out": "REPLACE_SPECIAL"}
)
_LOOSE: Final[Mapping[type, str]] = MappingProxyType(
    {
        DistributedGaussian: "noise from many parties, of which only its concentration is known",
        FixedSizeGaussian: "samples of a fixed size, of which only Renyi divergences are known",
        TreeGaussian: "noise in a tree, of which only Renyi divergences are known",
    }
)
_CLOSE: Final = 1e-4


def epsilon(
    *,
    noise_multiplier: float,
    steps: int,
    delta: float,
    sampling: float = 1.0,
    accountant: Accountant = "pld",
    relation: Relation = "add_or_remove",
) -> float:
    """Epsilon of `steps` of Gaussian noise on sums over Poisson samples; infinity without noise.

    `noise_multiplier`: standard deviation by the clip. `sampling`: the chance of each unit to be in a step, by itself.

    Raises:
        ConfigError: a value outside its range, or dp-accounting is not installed.
        CannotAccount: the accountant does not know such events.

    Example:
        >>> round(epsilon(sampling=0.01, noise_multiplier=4.0, steps=10_000, delta=1e-5, accountant="rdp"), 4)
        1.0355
    """
    protects = Protects("record", relation)
    _steps(steps)
    return epsilon_of([Composed((SampledGaussian(sampling, noise_multiplier, protects),), steps)], delta, accountant)


def noise_for(
    *,
    epsilon: float,
    steps: int,
    delta: float,
    sampling: float = 1.0,
    accountant: Accountant = "pld",
    relation: Relation = "add_or_remove",
) -> float:
    """The least noise multiplier with which so many steps cost at most `epsilon`; within 1e-4 of it, from above.

    Raises:
        ConfigError: a value outside its range, or dp-accounting is not installed.
        CannotAccount: no noise is enough, or the accountant does not know such events.

    Example:
        >>> round(noise_for(epsilon=8, sampling=0.04, steps=2250, delta=1e-5, accountant="rdp"), 3)
        1.416
    """
    if not 0 < epsilon < inf:
        raise ConfigError("epsilon must be above 0, and finite.", f"Got {epsilon!r}.")
    protects = Protects("record", relation)
    _steps(steps)

    def cost(noise: float, by: Accountant) -> float:
        return epsilon_of([Composed((SampledGaussian(sampling, noise, protects),), steps)], delta, by)

    # A bound of `rdp` is quick, and is enough for `pld` too, where it knows the events.
    quick: Accountant = "rdp" if relation == "add_or_remove" else accountant
    high = _least(
        lambda noise: cost(noise, quick) <= epsilon, 0.0, _enough(lambda noise: cost(noise, quick) <= epsilon)
    )
    if quick == accountant:
        return high
    low = 0.8 * high if cost(0.8 * high, accountant) > epsilon else 0.0  # it is seldom much less
    return _least(lambda noise: cost(noise, accountant) <= epsilon, low, high)


def epsilon_of(events: Iterable[PrivacyEvent], delta: float, accountant: Accountant = "pld") -> float:
    """Epsilon of all of these events together, in whatever order: an upper bound; infinity where one has none.

    Raises:
        ConfigError: a delta outside (0, 1), an unknown accountant, or dp-accounting is not installed.
        CannotAccount: the accountant does not know one of the events, or they protect different units.

    Example:
        >>> epsilon_of([Infinite("counts", "They leave as they are.")], 1e-5)
        inf
        >>> epsilon_of([], 1e-5)
        0.0
    """
    if not 0 < delta < 1:
        raise ConfigError(
            "delta must lie between 0 and 1.", f"Got {delta!r}.", "Take less than 1 by the number of units."
        )
    if accountant not in ACCOUNTANTS:
        raise ConfigError(f"There is no accountant '{accountant}'.", mend=f"Known: {', '.join(ACCOUNTANTS)}.")
    found: dict[PrivacyEvent, int] = {}
    for event, times in leaves(events):
        found[event] = found.get(event, 0) + times
    found = {event: times for event, times in found.items() if times}
    if any(isinstance(event, Infinite) or _noiseless(event) for event in found):
        return inf
    if not found:
        return 0.0
    relation = _relation(found)
    about = _rdp(found, delta, relation) if accountant == "rdp" else _pld(found, delta, relation)
    return min(about, pure(Composed((event,), times) for event, times in found.items()))


def pure(events: Iterable[PrivacyEvent]) -> float:
    """Epsilon of all of these events together at delta = 0: pure ones add up, and with any other it is infinite.

    Example:
        >>> one = Laplace(4.0, Protects("record"))
        >>> pure([one, Composed((one,), times=2)]), pure([one, Gaussian(9.0, Protects("record"))])
        (0.75, inf)
    """
    return sum((times * _pure(event) for event, times in leaves(events) if times), 0.0)


def _pure(event: PrivacyEvent) -> float:
    if not isinstance(event, Laplace):
        return inf
    return (2.0 if event.protects.relation == "replace_one" else 1.0) / event.scale


def tightest(events: Iterable[PrivacyEvent], delta: float) -> tuple[float, str, str]:
    """Epsilon by the tighter accountant that knows all of these events, and its name; infinity and why where none does.

    Raises:
        ConfigError: a delta outside (0, 1), or dp-accounting is not installed.

    Example:
        >>> tightest([Infinite("counts", "They leave as they are.")], 1e-5)
        (inf, 'pld', '')
    """
    whole = tuple(events)
    try:
        return epsilon_of(whole, delta, "pld"), "pld", ""
    except CannotAccount:
        pass
    try:
        return epsilon_of(whole, delta, "rdp"), "rdp", ""
    except CannotAccount as error:
        return inf, "none", str(error)


def within(events: Iterable[PrivacyEvent], delta: float, most: float) -> bool:
    """Whether epsilon is at most so much: by the bound of `rdp`, which is quick, where that is enough.

    Raises:
        ConfigError: a delta outside (0, 1), or dp-accounting is not installed.

    Example:
        >>> within([Gaussian(5.0, Protects("record"))], 1e-5, 1.0), within([Infinite("counts", "Exact.")], 1e-5, 1.0)
        (True, False)
    """
    whole = tuple(events)
    with suppress(CannotAccount):
        if epsilon_of(whole, delta, "rdp") <= most:
            return True
    return tightest(whole, delta)[0] <= most


def _rdp(events: Mapping[PrivacyEvent, int], delta: float, relation: Relation) -> float:
    dp, rdp = need("dp_accounting"), need("dp_accounting.rdp")
    twice = 2.0 if relation == "replace_one" else 1.0
    account = rdp.RdpAccountant(neighboring_relation=dp.NeighboringRelation[_NEAR[relation]])
    with _quiet():
        for event, times in events.items():
            account.compose(_renyi(dp, event, twice), times)
        return float(account.get_epsilon(delta))


def _renyi(dp: Any, event: PrivacyEvent, twice: float) -> Any:
    """An event as the accountant of Renyi divergences takes it; `twice`: how much more a unit changes."""
    if isinstance(event, SampledGaussian) and event.sampling < 1:
        if twice > 1:
            raise _unknown("rdp", "Poisson samples where units are replaced", "Use the accountant pld.")
        return dp.PoissonSampledDpEvent(event.sampling, dp.GaussianDpEvent(event.noise_multiplier))
    if isinstance(event, Gaussian | SampledGaussian):
        return dp.GaussianDpEvent(event.noise_multiplier / twice)
    if isinstance(event, FixedSizeGaussian):
        return dp.SampledWithoutReplacementDpEvent(
            event.of, event.sample, dp.GaussianDpEvent(event.noise_multiplier / twice)
        )
    if isinstance(event, TreeGaussian):
        return dp.SingleEpochTreeAggregationDpEvent(event.noise_multiplier, event.steps)
    if isinstance(event, Laplace):
        return dp.ZCDpEvent((twice / event.scale) ** 2 / 2)  # Bun and Steinke 2016, proposition 1.4
    if isinstance(event, DistributedGaussian):
        return dp.ZCDpEvent(concentration(event, twice))
    raise _unknown("rdp", type(event).__name__)


def _pld(events: Mapping[PrivacyEvent, int], delta: float, relation: Relation) -> float:
    dp, pld = need("dp_accounting"), need("dp_accounting.pld.privacy_loss_distribution")
    replaced = relation == "replace_one"
    if loose := [what for kind, what in _LOOSE.items() if any(isinstance(event, kind) for event in events)]:
        raise _unknown("pld", loose[0], "Use rdp.")
    about = _rdp({_bounded(event, replaced=replaced): times for event, times in events.items()}, delta, "add_or_remove")
    if about > _HOPELESS and not replaced:
        return about
    interval = _INTERVAL * max(1.0, about / _WIDE)
    whole = pld.identity(interval)
    for event, times in events.items():
        if isinstance(event, Gaussian | SampledGaussian):
            sampling = event.sampling if isinstance(event, SampledGaussian) else 1.0
            one = pld.from_gaussian_mechanism(
                event.noise_multiplier,
                sampling_prob=sampling,
                value_discretization_interval=interval,
                neighboring_relation=dp.NeighboringRelation["REPLACE_ONE" if replaced else "ADD_OR_REMOVE_ONE"],
            )
        elif isinstance(event, Laplace):
            # As whatever is pure: geometric noise comes up to its bound, and Laplace noise stays below it.
            pure = dp.pld.common.DifferentialPrivacyParameters((2.0 if replaced else 1.0) / event.scale, 0.0)
            one = pld.from_privacy_parameters(pure, value_discretization_interval=interval)
        else:
            raise _unknown("pld", type(event).__name__)
        whole = whole.compose(one.self_compose(times))
    return float(whole.get_epsilon_for_delta(delta))


def _bounded(event: PrivacyEvent, *, replaced: bool) -> PrivacyEvent:
    """An event whose cost is of the same order, for the choice of the interval."""
    if isinstance(event, SampledGaussian) and replaced:
        return SampledGaussian(event.sampling, event.noise_multiplier / 2, event.protects)
    return event


def concentration(event: DistributedGaussian, twice: float = 1.0) -> float:
    """Rho of zero-concentrated differential privacy of a sum of discrete Gaussians.

    Kairouz, Liu and Steinke (2021), theorem 1: rho = epsilon^2 / 2 with epsilon the lesser of
    sqrt(D^2 / (n s^2) + t d / 2) and D / (sqrt(n) s) + t sqrt(d), where t is 10 times the sum over k < n of
    exp(-2 pi^2 s^2 k / (k + 1)).

    Raises:
        CannotAccount: a sigma below 1/2, for which nothing is known.

    Example:
        >>> concentration(DistributedGaussian(40.0, 16.0, size=1000, parties=4, protects=Protects("institution")))
        0.02...
    """
    n, s, d = event.parties, event.sigma, event.size
    if s < 0.5:
        raise _unknown("rdp", "a sum of discrete Gaussians with a sigma below 1/2", "Use a finer grid.")
    change = twice * event.sensitivity / (sqrt(n) * s)
    gap = 10 * sum(exp(-2 * pi**2 * s**2 * k / (k + 1)) for k in range(1, n))
    return min(change**2 + gap * d / 2, (change + gap * sqrt(d)) ** 2) / 2


def _relation(events: Iterable[PrivacyEvent]) -> Relation:
    protects = {
        (event.protects.unit, event.protects.relation) for event in events if not isinstance(event, Composed | Infinite)
    }
    if len(protects) > 1:
        raise CannotAccount(
            "These events do not protect the same.",
            f"They are of {' and of '.join(sorted(f'{unit} ({relation})' for unit, relation in protects))}.",
            "Ask for each unit by itself.",
        )
    return next(iter(protects))[1]


def _noiseless(event: PrivacyEvent) -> bool:
    return not isinstance(event, Laplace | Infinite | Composed) and event.noise_multiplier == 0


def _steps(steps: int) -> None:
    if not 0 <= steps <= _MOST:
        raise ConfigError(f"steps must be from 0 to {_MOST:,}.", f"Got {steps!r}.")


def _enough(fine: Callable[[float], bool]) -> float:
    """A noise multiplier that is enough."""
    noise = 1.0
    while not fine(noise):
        noise *= 2
        if not isfinite(noise) or noise > _MOST:
            raise CannotAccount("No noise is enough for this epsilon.", mend="Ask for a larger epsilon or delta.")
    return noise


def _least(fine: Callable[[float], bool], low: float, high: float) -> float:
    """The least value that is fine, from above, where all above it are; `high` is."""
    while high - low > _CLOSE * high:
        middle = (low + high) / 2
        low, high = (low, middle) if middle > 0 and fine(middle) else (middle, high)
    return high


def _unknown(accountant: str, what: str, mend: str = "") -> CannotAccount:
    return CannotAccount(
        f"The accountant {accountant} does not know {what}.", "What it does not know it would have to guess.", mend
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library from telling of each Renyi order that it leaves out: the bound stays one."""
    log = logging.getLogger("absl")

    def silent(record: logging.LogRecord) -> bool:
        return "Excluding this order" not in record.getMessage()

    log.addFilter(silent)
    try:
        yield
    finally:
        log.removeFilter(silent)
