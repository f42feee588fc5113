"""Noise and samples that protect somebody: drawn from the operating system's generator, never from a job's seed.

*Exact*, for whatever is released as a sum or a count, and inside the ring of a secure sum: `discrete_gaussian` and
`geometric` draw whole numbers by rejection (Canonne, Kamath and Steinke 2020, algorithms 2 and 3). A coin of chance
exp(-x) compares a uniform number with exp(-x): in floating point where that is certain, else in whole numbers with as
many more random bits as it takes. So no rounding shows in what is drawn.

*Quick*, inside training: `Secret` draws floats from a keystream whose key is fresh from the operating system. Floats
are not exact: the lowest bits of noised sums may tell more than the accountant's statement allows (Mironov 2012), and
a privacy statement must say so.

No seed of any of this is kept or logged.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from os import urandom
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, final

import numpy as np

from hansa.errors import ConfigError
from hansa.extras import need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

Mechanism: TypeAlias = Literal["gaussian", "geometric"]
"""Noise of whole numbers: discrete Gaussian, by what one unit changes in L2; or geometric, by what it does in L1."""
MOST_SIGMA: Final = 2.0**40
"""The largest noise, in steps, whose whole numbers floats still hold exactly where coins are compared."""

_SLACK: Final = 2.0**-40
"""How near a coin's number may come to its chance before floats are no judge; their error is below 2^-48."""

_WORD: Final = 64
_SHARE: Final = 1 << 16  # geometric scales are whole multiples of 1 / this, rounded up
_CHUNK: Final = 1 << 17  # bytes of keystream at a time
_FAR: Final = 256  # bits below it stand for normals some 5.8 from 0, or 8.8
_PLACES: Final = 4096  # places that are sampled at a time


def discrete_gaussian(sigma: float, n: int) -> NDArray[np.int64]:
    """Draw `[n]` whole numbers x with chances in proportion to exp(-x^2 / (2 sigma^2)), exactly.

    Canonne, Kamath and Steinke (2020), algorithm 3: two-sided geometric numbers of scale t = floor(sigma) + 1, each
    kept with chance exp(-(|x| - sigma^2 / t)^2 / (2 sigma^2)).

    Raises:
        ConfigError: a sigma that is not above 0, or above 2^40.

    Example:
        >>> drawn = discrete_gaussian(2.5, 1000)
        >>> drawn.dtype.name, bool(abs(drawn).max() < 25)
        ('int64', True)
    """
    _check("sigma", sigma)
    square, t = Fraction(sigma) ** 2, int(sigma) + 1
    near = float(square / t)

    def propose(many: int) -> NDArray[np.int64]:
        drawn = _two_sided(t, 1, many)
        far = np.abs(drawn)

        def exponent(i: int) -> Fraction:
            return (int(far[i]) - square / t) ** 2 / (2 * square)

        return drawn[_coins((far - near) ** 2 / (2 * float(square)), exponent)]

    return _filled(propose, n)


def geometric(scale: float, n: int) -> NDArray[np.int64]:
    """Draw `[n]` whole numbers x with chances in proportion to exp(-|x| / scale), exactly: the discrete Laplace noise.

    The scale is taken up to the next multiple of 2^-16. Ghosh, Roughgarden and Sundararajan (2009); algorithm 2 of
    Canonne, Kamath and Steinke (2020).

    Raises:
        ConfigError: a scale that is not above 0, or above 2^40.

    Example:
        >>> bool(abs(geometric(3.0, 1000)).max() < 100)
        True
    """
    _check("scale", scale)
    share = Fraction(-int(-Fraction(scale) * _SHARE // 1), _SHARE)
    return _filled(lambda many: _two_sided(share.numerator, share.denominator, many), n)


def whole_noise(mechanism: Mechanism, scale: float, n: int) -> NDArray[np.int64]:
    """Draw `[n]` whole numbers of either noise; `scale` is the sigma of the Gaussian one.

    Example:
        >>> whole_noise("geometric", 2.0, 5).shape
        (5,)
    """
    return geometric(scale, n) if mechanism == "geometric" else discrete_gaussian(scale, n)


def poisson_sample(rate: float, n: int, words: Callable[[int], NDArray[np.uint64]] | None = None) -> NDArray[np.intp]:
    """The places in `[n]` of a Poisson sample, rising: each is in it with chance `rate`, whatever the others are.

    The gaps between them are drawn, so that it costs as much as the sample has places. `words` draws random 64-bit
    integers; by default from the operating system.

    Raises:
        ConfigError: a rate outside (0, 1].

    Example:
        >>> poisson_sample(1.0, 3).tolist()
        [0, 1, 2]
        >>> poisson_sample(1e-9, 3).tolist()
        []
    """
    if not 0 < rate <= 1:
        raise ConfigError("A sampling rate must be in (0, 1].", f"Got {rate!r}.")
    if rate == 1 or not n:
        return np.arange(n)
    draw, found, last = words or system_words, list[Any](), -1.0
    while last < n:
        many = int((n - last) * rate * 1.1) + 16
        uniform = ((draw(many) >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53  # (0, 1]
        places = last + np.cumsum(1 + np.floor(np.log(uniform) / np.log1p(-rate)))
        found.append(places[places < n].astype(np.intp))
        last = float(places[-1])
    return np.concatenate(found)


def system_words(n: int) -> NDArray[np.uint64]:
    """Draw `[n]` uniform 64-bit integers from the operating system's generator.

    Example:
        >>> system_words(2).shape
        (2,)
    """
    return np.frombuffer(urandom(8 * n), "<u8")


@final
class Secret:
    """A keystream under a key that is fresh from the operating system: AES-256 in counter mode (NIST SP 800-38A).

    Example:
        >>> secret = Secret()
        >>> secret.words(3).shape, secret.normal(5, "float32").dtype.name, secret == Secret()
        ((3,), 'float32', False)
    """

    def __init__(self) -> None:
        """Draw the key; nothing keeps it."""
        real = need("hansa.privacy.primitives").REAL
        self._stream = real.stream(real.random(32))
        self._buffer = bytearray(_CHUNK + 16)
        self._words: NDArray[np.uint64] = np.frombuffer(self._buffer, "<u8", _CHUNK // 8)

    def __reduce__(self) -> tuple[type[Secret], tuple[()]]:
        """A copy has a key of its own."""
        return (Secret, ())

    def words(self, n: int) -> NDArray[np.uint64]:
        """The next `[n]` uniform 64-bit integers."""
        drawn, step = np.empty(n, "<u8"), len(self._words)
        for start in range(0, n, step):
            part = drawn[start : start + step]
            self._stream.fill(self._buffer, 8 * len(part))
            part[:] = self._words[: len(part)]
        return drawn

    def normal(self, n: int, dtype: str) -> NDArray[Any]:
        """The next `[n]` standard normals in this precision (Box and Muller 1958).

        The 32 bits of float32 alone would end 6.8 from 0, where a shift of a million numbers may show at a small delta:
        the smallest are given 53 more.
        """
        half, size = (n + 1) // 2, np.dtype(dtype).itemsize
        raw, made = self.words(half * size // 4).view(f"<u{size}"), np.empty(2 * half, dtype)
        radius, angle = made[:half], made[half:]
        radius[:], angle[:] = raw[:half], raw[half:].view(f"<i{size}")
        np.multiply(np.add(radius, 0.5, out=radius), 2.0 ** (-8 * size), out=radius)  # in (0, 1]
        if len(far := np.flatnonzero(raw[:half] < _FAR)):
            more = (self.words(len(far)) >> np.uint64(11)).astype(np.float64) + 0.5
            radius[far] = (raw[far] + more * 2.0**-53) * 2.0 ** (-8 * size)
        np.multiply(angle, np.pi * 2.0 ** (1 - 8 * size), out=angle)
        np.abs(np.multiply(np.log(radius, out=radius), -2, out=radius), out=radius)
        np.sqrt(radius, out=radius)
        cosine = np.cos(angle)
        np.multiply(np.sin(angle, out=angle), radius, out=angle)
        np.multiply(cosine, radius, out=radius)
        return made[:n]

    def samples(self, rate: float, n: int, steps: int) -> Iterator[NDArray[np.intp]]:
        """A Poisson sample of `[n]` places for each step; those of k steps are drawn as one of k n places."""
        at_once = max(1, int(_PLACES / max(rate * n, 1)))
        for left in range(steps, 0, -at_once):
            many = min(left, at_once)
            step, places = np.divmod(poisson_sample(rate, many * n, self.words), n or 1)
            cuts = np.searchsorted(step, np.arange(many + 1)).tolist()
            yield from (places[a:b] for a, b in pairwise(cuts))


def _two_sided(t: int, s: int, n: int) -> NDArray[np.int64]:
    """About `n` exact draws of the discrete Laplace of scale t / s: algorithm 2 of Canonne, Kamath and Steinke (2020).

    u + t v is geometric of scale t, where u below t is kept with chance exp(-u / t), and v counts heads of exp(-1).
    """
    u = _below(t, n)
    u = u[_coins(u / t, lambda i: Fraction(int(u[i]), t))]
    v, going = np.zeros(len(u), np.int64), np.arange(len(u))
    while len(going):
        going = going[_coins(np.ones(len(going)), lambda _: Fraction(1))]
        v[going] += 1
    size = (u + t * v) // s
    negative = (system_words(len(size)) & np.uint64(1)).astype(bool)
    kept: NDArray[np.int64] = np.where(negative, -size, size)[~(negative & (size == 0))]  # 0 has one sign only
    return kept


def _below(t: int, n: int) -> NDArray[np.int64]:
    """Draw `[n]` uniform whole numbers below t <= 2^57, without bias: what is left over of 2^64 is drawn again."""
    limit = np.uint64((1 << _WORD) // t * t - 1)

    def propose(many: int) -> NDArray[np.int64]:
        drawn = system_words(many)
        return (drawn[drawn <= limit] % np.uint64(t)).astype(np.int64)

    return _filled(propose, n)


def _filled(propose: Callable[[int], NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    """Propose until there are `n`; the order of proposals is kept, so that nothing is chosen among them."""
    found, have = list["NDArray[np.int64]"](), 0
    while have < n:
        found.append(propose((n - have) + (n - have) // 2 + 16))
        have += len(found[-1])
    every: NDArray[np.int64] = np.concatenate([np.zeros(0, np.int64), *found])
    return every[:n]


def _coins(exponents: NDArray[np.float64], exact: Callable[[int], Fraction]) -> NDArray[np.bool_]:
    """Throw a coin of chance exp(-x) for each; `exact(i)` says an x as a fraction, where floats cannot tell."""
    drawn, chance = system_words(len(exponents)), np.exp(-exponents)
    uniform = drawn.astype(np.float64) * 2.0**-_WORD
    heads: NDArray[np.bool_] = uniform < chance
    for i in np.flatnonzero(np.abs(uniform - chance) <= _SLACK).tolist():
        heads[i] = below_exp(int(drawn[i]), exact(i))
    return heads


def below_exp(word: int, x: Fraction) -> bool:
    """Whether the uniform number in [0, 1) that begins with these 64 bits is below exp(-x), for an x >= 0.

    As many more bits are drawn as it takes; exp(-x) of a fraction is none but for x = 0, so that it ends.

    Example:
        >>> below_exp(0, Fraction(1)), below_exp(2**64 - 1, Fraction(1)), below_exp(2**64 - 1, Fraction(0))
        (True, False, True)
    """
    bits = _WORD
    while x:
        low, high = _exp_bounds(x, bits + 8)
        if Fraction(word + 1, 1 << bits) <= low:
            return True
        if Fraction(word, 1 << bits) >= high:
            return False
        word, bits = (word << _WORD) | int.from_bytes(urandom(_WORD // 8)), bits + _WORD
    return True


def _exp_bounds(x: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Fractions around exp(-x), nearer than 2^-bits: Taylor's series of exp(x), whose rest is below its last term."""
    term, total, k = Fraction(1), Fraction(1), 0
    while k <= 2 * x or term * (1 << bits) > 1:
        k += 1
        term = term * x / k
        total += term
    return 1 / (total + term), 1 / total


def _check(name: str, value: float) -> None:
    if not 0 < value <= MOST_SIGMA:
        raise ConfigError(f"{name} must be above 0, and at most 2^40 steps.", f"Got {value!r}.")
