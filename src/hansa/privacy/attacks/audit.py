"""One-run audit: a lower bound on epsilon from guesses of which canaries were in (Steinke, Nasr and Jagielski 2023).

Each canary is in the rows or not by a fair coin. Whoever sees what was released guesses some of the coins and may
abstain on others. Under (epsilon, delta) so many guesses are right with at most a known chance: theorem 5.2 there.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST: Final = 20.0
_CLOSE: Final = 1e-3
SHARES: Final = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Of so many of the canaries a guess is ventured; the bound pays for trying all of these."""


class Shown(NamedTuple):
    """What an audit has shown: `epsilon` is at least that; `most` is what it could have shown with all guesses right.

    `guesses` were ventured, and `right` of them were.
    """

    epsilon: float
    most: float
    guesses: int
    right: int


def audit(scores: NDArray[np.floating], inside: NDArray[np.bool_], delta: float, confidence: float) -> Shown:
    """Guess the highest scores `[m]` in, and the lowest out or nothing of them, by `SHARES`; keep the best bound.

    Example:
        >>> inside = np.arange(1000) % 2 == 0
        >>> shown = audit(inside * 1.0, inside, delta=0.0, confidence=1 - 1e-4)
        >>> shown.guesses, shown.right, round(shown.epsilon, 1), shown.epsilon == shown.most
        (1000, 1000, 4.4, True)
        >>> audit(np.arange(1000.0), inside, 0.0, 1 - 1e-4).epsilon
        0.0
    """
    m, order = len(scores), np.argsort(scores, kind="stable")
    chance, tried = (1 - confidence) / (2 * len(SHARES)), []
    for share in SHARES:
        half = max(int(m * share / 2), 1)
        high, low = int(inside[order[-half:]].sum()), int((~inside[order[:half]]).sum())
        for guesses, right in ((half, high), (2 * half, high + low)):
            tried.append((epsilon_shown(m, guesses, right, delta, chance), guesses, right))
    best, guesses, right = max(tried, key=lambda one: one[0])
    most = max(epsilon_shown(m, n, n, delta, chance) for _, n, _ in tried)
    return Shown(best, most, guesses, right)


def epsilon_shown(canaries: int, guesses: int, right: int, delta: float, chance: float) -> float:
    """The largest epsilon that so many right guesses refute: at it they would come with at most this chance.

    Example:
        >>> round(epsilon_shown(1000, 1000, 1000, 0.0, 1e-4), 2), epsilon_shown(1000, 1000, 500, 0.0, 1e-4)
        (4.68, 0.0)
    """
    low, high = 0.0, _MOST
    if not _chance(canaries, guesses, right, low, delta) < chance:
        return 0.0
    while high - low > _CLOSE:
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(canaries, guesses, right, middle, delta) < chance else (low, middle)
    return low


def _chance(canaries: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """At most with this chance so many guesses are right: theorem 5.2."""
    each = _binomial(guesses, 1 / (1 + exp(-epsilon)))
    tail = float(each[right:].sum())
    if not delta or not right:
        return tail
    below = np.cumsum(each[right - 1 :: -1][:right])  # of right - 1, of that or one less, ...
    steepest = float((below / np.arange(1, right + 1)).max())
    return min(tail + 2 * canaries * delta * steepest, 1.0)


def _binomial(n: int, chance: float) -> NDArray[np.float64]:
    """The chance of each number of successes, `[n + 1]`."""
    k = np.arange(n + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(k[1:]))])
    found: NDArray[np.float64] = np.exp(
        factorials[n] - factorials - factorials[::-1] + k * log(chance) + (n - k) * log(1 - chance)
    )
    return found
