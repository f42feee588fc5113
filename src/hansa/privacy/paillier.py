"""Paillier's cryptosystem for small vectors of whole numbers: who has the public key can add, and nobody else can read.

Paillier (1999), scheme 1, with generator 1 + n; randomness as Damgard, Jurik and Nielsen (2010, section 4.2): powers of
one fixed n-th residue with exponents of half the key's length; decryption modulo p^2 and q^2, joined by the Chinese
remainder theorem. Several signed numbers lie side by side in one plaintext, each in a slot with room for what is added.

The ciphertext of a sum tells who has seen its parts that it is their product, so whatever was computed is randomised
anew before it is written. Python's own powers are not constant in time; with `gmpy2` (extra `he`) those with secret
exponents are, and all are about eight times as quick.

Example:
    >>> key = Private.fresh(2048)
    >>> public, slots = key.public, Slots(count=3, bits=40, largest=1000)
    >>> one, two = (public.encrypt(numbers, slots) for numbers in ([1, -2, 3], [10, 20, -1000]))
    >>> there = public.write(public.add(one, two))
    >>> key.decrypt(public.read(there, slots.summed(2)), slots.summed(2))
    (11, 18, -997)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from math import ceil, gcd
from secrets import randbelow, randbits
from typing import Any, Final, final

from hansa.errors import ConfigError, PrivacyError, WireError

SIZES: Final = (2048, 3072)
"""Bits of n: 112 and 128 bits of security (NIST SP 800-57, part 1, table 2)."""
GUARD: Final = 64
"""Bits above the slots that stay empty: a ciphertext of another key passes with a chance of 2^-63."""


@final
@dataclass(frozen=True)
class Slots:
    """What both sides have agreed on: `count` numbers, `bits` wide each, none further from 0 than `largest`.

    Raises:
        ConfigError: the largest number does not fit, with its sign.

    Example:
        >>> Slots(count=3, bits=40, largest=1000).summed(5)
        Slots(count=3, bits=40, largest=5000)
        >>> Slots(count=3, bits=40, largest=2**39)
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: Slots of 40 bits do not hold so large a number with its sign. What overflows a slot \
spoils its neighbour. Take wider slots, or sum fewer numbers.
    """

    count: int
    bits: int
    largest: int

    def __post_init__(self) -> None:
        """Check that there is room."""
        if self.count < 1 or self.bits < 2 or self.largest < 0:
            raise ConfigError("Slots need a count of at least 1, at least 2 bits, and a largest number from 0.")
        if self.largest >= 1 << (self.bits - 1):
            raise ConfigError(
                f"Slots of {self.bits} bits do not hold so large a number with its sign.",
                "What overflows a slot spoils its neighbour.",
                "Take wider slots, or sum fewer numbers.",
            )

    def summed(self, terms: int) -> Slots:
        """The slots of a sum of so many. Raises as the constructor does."""
        return replace(self, largest=self.largest * terms)


@final
@dataclass(frozen=True)
class Sealed:
    """Encrypted numbers: in which slots, under which key, and whether their randomness is their own.

    Example:
        >>> Sealed(Slots(1, 40, 5), bytes(32), (1,)).fresh
        False
    """

    slots: Slots
    key: bytes
    ciphertexts: tuple[int, ...] = field(repr=False)
    fresh: bool = False


@final
@dataclass(frozen=True)
class Public:
    """The key that encrypts and computes: n, and the n-th residue whose powers hide the plaintexts.

    Raises:
        WireError: numbers that are no such key.

    Example:
        >>> public = Private.fresh(2048).public
        >>> public, public.per_ciphertext(40), public.size, Public.of(public.told()) == public
        (Public(bits=2048), 49, 512, True)
    """

    n: int
    residue: int

    def __repr__(self) -> str:
        """Its size."""
        return f"Public(bits={self.n.bit_length()})"

    def __post_init__(self) -> None:
        """Check what can be seen from outside."""
        odd = self.n.bit_length() in SIZES and self.n & 1 == 1
        if not odd or not 1 < self.residue < self.square or gcd(self.residue, self.n) != 1:
            raise WireError("A public key of Paillier's is none, or of another size.", f"Sizes: {SIZES} bits.")

    @cached_property
    def square(self) -> int:
        """n^2, the modulus of ciphertexts."""
        return self.n * self.n

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over the key: what ciphertexts are held against."""
        return sha256(b"hansa/paillier/v1|" + self.told()).digest()

    @property
    def size(self) -> int:
        """Bytes of one ciphertext."""
        return self.n.bit_length() // 4

    def told(self) -> bytes:
        """The key as bytes; the only one that ever leaves."""
        return self.n.to_bytes(self.size // 2, "big") + self.residue.to_bytes(self.size, "big")

    @classmethod
    def of(cls, data: bytes) -> Public:
        """Read a key that `told` wrote. Raises as the constructor does."""
        end = len(data) // 3 if len(data) in {3 * size // 8 for size in SIZES} else 0
        return cls(int.from_bytes(data[:end], "big"), int.from_bytes(data[end:], "big"))

    def per_ciphertext(self, bits: int) -> int:
        """How many slots of so many bits one ciphertext has.

        Raises:
            ConfigError: a slot is wider than a ciphertext.
        """
        room = (self.n.bit_length() - 2 - GUARD) // bits
        if room < 1:
            raise ConfigError(f"A slot of {bits} bits does not fit a key of {self.n.bit_length()}.")
        return room

    def encrypt(self, numbers: Sequence[int], slots: Slots) -> Sealed:
        """Encrypt whole numbers, `slots.count` of them.

        Raises:
            PrivacyError: another count, or a number beyond `slots.largest`.
        """
        made = tuple(self._hidden(self._plain(one)) for one in self._packed(numbers, slots))
        return Sealed(slots, self.digest, made, fresh=True)

    def add(self, left: Sealed, right: Sealed) -> Sealed:
        """Add number by number.

        Raises:
            PrivacyError: of another key, or laid out in another way.
            ConfigError: the sum could overflow a slot.
        """
        self.check_own(left, right)
        if (left.slots.count, left.slots.bits) != (right.slots.count, right.slots.bits):
            raise PrivacyError("Encrypted numbers that are laid out differently do not add up.")
        slots = replace(left.slots, largest=left.slots.largest + right.slots.largest)
        pairs = zip(left.ciphertexts, right.ciphertexts, strict=True)
        return Sealed(slots, self.digest, tuple(a * b % self.square for a, b in pairs))

    def add_plain(self, sealed: Sealed, numbers: Sequence[int], largest: int) -> Sealed:
        """Add plain numbers, none further from 0 than `largest`. Raises as `encrypt` and `add` do."""
        plain = self._packed(numbers, replace(sealed.slots, largest=largest))
        made = tuple(self._plain(one) for one in plain)
        return self.add(sealed, Sealed(replace(sealed.slots, largest=largest), self.digest, made))

    def times(self, sealed: Sealed, factor: int) -> Sealed:
        """Multiply all numbers by a plain one. Raises as `add` does."""
        self.check_own(sealed)
        powers = (_power(one, abs(factor), self.square) for one in sealed.ciphertexts)
        made = powers if factor >= 0 else (pow(one, -1, self.square) for one in powers)
        return Sealed(sealed.slots.summed(abs(factor)), self.digest, tuple(made))

    def write(self, sealed: Sealed) -> bytes:
        """The ciphertexts as bytes, one behind the other; what was computed is randomised anew."""
        self.check_own(sealed)
        made = sealed.ciphertexts if sealed.fresh else tuple(map(self._hidden, sealed.ciphertexts))
        return b"".join(one.to_bytes(self.size, "big") for one in made)

    def read(self, data: bytes, slots: Slots) -> Sealed:
        """Read ciphertexts that hold what was agreed.

        Raises:
            WireError: another number of them, one out of range, not coprime to n, or that hides nothing.
        """
        wanted = ceil(slots.count / self.per_ciphertext(slots.bits))
        if len(data) != wanted * self.size:
            raise WireError(
                "Encrypted numbers are not as many as was agreed.", f"{wanted * self.size:,} bytes would be."
            )
        parts = (data[at : at + self.size] for at in range(0, len(data), self.size))
        made = tuple(int.from_bytes(part, "big") for part in parts)
        for one in made:
            if not 0 < one < self.square or gcd(one, self.n) != 1:
                raise WireError("A ciphertext is out of range, or shares a factor with the key.")
            if one % self.n == 1:  # 1 + m n: the plaintext m stands there for everybody; zero is the unit, 1
                raise WireError("A ciphertext hides nothing: it has no randomness.")
        return Sealed(slots, self.digest, made)

    def check_own(self, *sealed: Sealed) -> None:
        """Refuse what is under another key.

        Raises:
            PrivacyError: so it is.
        """
        if any(one.key != self.digest for one in sealed):
            raise PrivacyError("Encrypted numbers are under another key.", "Sums of both could be read by nobody.")

    def _packed(self, numbers: Sequence[int], slots: Slots) -> Iterator[int]:
        if len(numbers) != slots.count or any(abs(int(one)) > slots.largest for one in numbers):
            raise PrivacyError(
                "Numbers to be encrypted are not as many or not as small as was agreed.",
                f"{slots.count} numbers of at most {slots.largest} either side of 0 were.",
            )
        per = self.per_ciphertext(slots.bits)
        for start in range(0, slots.count, per):
            yield sum(int(one) << (slots.bits * i) for i, one in enumerate(numbers[start : start + per]))

    def _plain(self, plaintext: int) -> int:
        """(1 + n)^m = 1 + m n modulo n^2."""
        return (1 + plaintext % self.n * self.n) % self.square

    def _hidden(self, ciphertext: int) -> int:
        """Times a power of the residue, so that it is like any other."""
        return ciphertext * _secret_power(self.residue, randbits(self.n.bit_length() // 2), self.square) % self.square


@final
@dataclass(frozen=True)
class Private:
    """The key that decrypts: the two primes of n.

    Raises:
        PrivacyError: primes with which the scheme is not sound.

    Example:
        >>> Private.fresh(2048)
        Private(public=Public(bits=2048))
    """

    p: int = field(repr=False)
    q: int = field(repr=False)
    public: Public

    def __post_init__(self) -> None:
        """Check the conditions of the scheme (Damgard, Jurik and Nielsen 2010, section 4.2)."""
        p, q = self.p, self.q
        sound = p != q and p % 4 == q % 4 == 3 and gcd(p - 1, q - 1) == 2 and gcd(p * q, (p - 1) * (q - 1)) == 1
        if not sound or p * q != self.public.n:
            raise PrivacyError("These primes make no key of Paillier's.", mend="Draw another by Private.fresh().")

    @classmethod
    def fresh(cls, bits: int = 3072) -> Private:
        """Draw a key; its primes are drawn and tested as OpenSSL draws those of RSA keys, until a pair is fit.

        Raises:
            ConfigError: a size that is not offered.
        """
        if bits not in SIZES:
            raise ConfigError(f"A key of {bits} bits is not offered.", f"Sizes: {SIZES}.")
        p, q = next(pair for pair in _primes(bits) if pair[0] % 4 == pair[1] % 4 == 3 and _apart(*pair))
        n = p * q
        x = 2 + randbelow(n - 2)  # a factor of n with a chance of 2^-1000, which Public would refuse
        return cls(p, q, Public(n, _power(-x * x % n, n, n * n)))

    def decrypt(self, sealed: Sealed, agreed: Slots) -> tuple[int, ...]:
        """The numbers, where they are what was agreed on, and nothing else.

        Raises:
            PrivacyError: other slots than agreed, or what is in them is no such numbers: another key's, or overflowed.
        """
        if sealed.slots != agreed:
            raise PrivacyError(
                "What is to be decrypted is not what was agreed on.",
                f"{sealed.slots.count} numbers of at most {sealed.slots.largest} in {sealed.slots.bits} bits.",
                "Agree on it in the job; nothing else is opened.",
            )
        self.public.check_own(sealed)
        per, numbers = self.public.per_ciphertext(agreed.bits), list[int]()
        for one in sealed.ciphertexts:
            numbers += _unpacked(self._opened(one), agreed.bits, min(per, agreed.count - len(numbers)))
        if any(abs(one) > agreed.largest for one in numbers):
            raise _spoilt()
        return tuple(numbers)

    def _opened(self, ciphertext: int) -> int:
        """The plaintext, from -n/2 to n/2 (Paillier 1999, section 7)."""
        mod_p, mod_q = (
            (_secret_power(ciphertext % (r * r), r - 1, r * r) - 1) // r * inverse % r
            for r, inverse in zip((self.p, self.q), self._inverses, strict=True)
        )
        plain = mod_q + self.q * ((mod_p - mod_q) * self._joins % self.p)
        return plain - self.public.n if plain > self.public.n // 2 else plain

    @cached_property
    def _inverses(self) -> tuple[int, ...]:
        """1 / L((1 + n)^(r - 1) mod r^2) modulo each prime r; (1 + n)^(r - 1) = 1 + (r - 1) n modulo r^2."""
        primes = ((self.p, self.q), (self.q, self.p))
        return tuple(pow((r - 1) * other % r, -1, r) for r, other in primes)

    @cached_property
    def _joins(self) -> int:
        return pow(self.q, -1, self.p)


def _unpacked(plain: int, bits: int, count: int) -> list[int]:
    """Signed numbers from their slots; nothing may be left above them."""
    numbers = list[int]()
    for _ in range(count):
        low = plain & ((1 << bits) - 1)
        low -= (low >> (bits - 1)) << bits
        numbers.append(low)
        plain = (plain - low) >> bits
    if plain:
        raise _spoilt()
    return numbers


def _spoilt() -> PrivacyError:
    return PrivacyError(
        "What was decrypted is no such numbers as were agreed on.",
        "It was encrypted with another key, was changed, or has overflowed its slots.",
    )


def _primes(bits: int) -> Iterator[tuple[int, int]]:
    """Pairs of primes of half the size each, whose product has all the bits, one pair after another."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    while True:
        made = rsa.generate_private_key(65537, bits).private_numbers()
        yield made.p, made.q


def _apart(p: int, q: int) -> bool:
    return p != q and gcd(p - 1, q - 1) == 2 and gcd(p * q, (p - 1) * (q - 1)) == 1


@cache
def _powers() -> tuple[Callable[[Any, Any, Any], Any], Callable[[Any, Any, Any], Any]]:
    """How powers are computed: any, and those with secret exponents."""
    if find_spec("gmpy2") is None:
        return pow, pow
    gmpy2 = import_module("gmpy2")
    return gmpy2.powmod, gmpy2.powmod_sec


def _power(base: int, exponent: int, modulus: int) -> int:
    return int(_powers()[0](base, exponent, modulus))


def _secret_power(base: int, exponent: int, modulus: int) -> int:
    return int(_powers()[1](base, exponent, modulus))
