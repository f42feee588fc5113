"""Encrypted loads: the elements of a load as ciphertexts, and their sum, which needs no key.

Example:
    >>> from hansa.core.message import Answer
    >>> from hansa.privacy.homomorphic import Lock
    >>> lock, form = Lock.fresh(), Form(("whole n",), (2,))
    >>> one, fold = Answer(cipher_load(form, lock.encrypt(np.array([3, -4])))), CipherSum()
    >>> total = fold.close(fold.add(fold.add(None, [0], one), [1], one))
    >>> lock.decrypt(split(total["sizes"][0], total["cipher"][0]), 2, parties=2).tolist()
    [6, -8]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from hansa.core.codec import pack, unpack
from hansa.core.load import Load
from hansa.errors import DataError, WireError
from hansa.privacy.homomorphic import Adder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.core.message import Answer

Partial: TypeAlias = "tuple[bytes, list[Any]] | None"


@final
@dataclass(frozen=True)
class Form:
    """Which vectors the elements of a load are of, and how long each is: the same at all parties of a sum.

    Raises:
        WireError: not one length for each name.

    Example:
        >>> form = Form(("narrow delta", "wide weight"), (3, 2))
        >>> form.count, form.like()["wide weight"].shape
        (5, (1, 2))
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that it can be the form of a load."""
        if len(self.names) != len(self.widths) or min(self.widths, default=0) < 0:
            raise WireError("An encrypted load does not say which vectors are in it.")

    @property
    def count(self) -> int:
        """How many elements there are."""
        return sum(self.widths)

    def like(self) -> Load:
        """A load of this form, of zeros."""
        return Load({name: np.zeros((1, width)) for name, width in zip(self.names, self.widths, strict=True)})


def cipher_load(form: Form, ciphertexts: Sequence[bytes]) -> Load:
    """Ciphertexts as a load of one row: `form`, `sizes` of each in bytes, and all their bytes as `cipher`.

    Example:
        >>> load = cipher_load(Form(("wide weight",), (2,)), [b"a", b"bc"])
        >>> load["sizes"].tolist(), split(load["sizes"][0], load["cipher"][0])
        ([[1, 2]], [b'a', b'bc'])
    """
    sizes = np.array([len(one) for one in ciphertexts], np.int64)
    data = np.frombuffer(b"".join(ciphertexts), np.uint8)
    return Load({"form": np.frombuffer(pack(form), np.uint8)[None], "sizes": sizes[None], "cipher": data[None]})


def split(sizes: NDArray[np.int64], data: NDArray[np.uint8]) -> list[bytes]:
    """Ciphertexts from their bytes `[k]`, each of the size that is said.

    Raises:
        WireError: the sizes are none, or are not those of the bytes.

    Example:
        >>> split(np.array([5]), np.zeros(4, np.uint8))
        Traceback (most recent call last):
            ...
        hansa.errors.WireError: The ciphertexts of an encrypted sum are not as long as they are said to be.
    """
    if sizes.dtype != np.int64 or data.dtype != np.uint8 or (sizes <= 0).any() or sum(sizes.tolist()) != len(data):
        raise WireError("The ciphertexts of an encrypted sum are not as long as they are said to be.")
    ends = np.cumsum(sizes)
    return [data[end - size : end].tobytes() for size, end in zip(sizes, ends, strict=True)]


@final
@dataclass(frozen=True)
class CipherSum:
    """Sum encrypted loads in any order; the value is a load of one row, or None when nobody came.

    Its partial results stay where they are made: a ciphertext that is read is an object of its library.

    Example:
        >>> CipherSum().close(CipherSum().zero([0, 1])) is None
        True
    """

    @property
    def sees_each(self) -> bool:
        """Ciphertexts show no single answer to anybody without their key."""
        return False

    def zero(self, asked: Sequence[int]) -> Partial:
        """Begin with none."""
        return None

    def add(self, partial: Partial, places: Sequence[int], answer: Answer) -> Partial:
        """Add one party's ciphertexts.

        Raises:
            WireError: they are none, or of other settings.
            DataError: they hold other vectors than those before them.
        """
        load = answer.load
        if load.n != 1:
            raise DataError("An encrypted load must be of one party.")
        adder, form = Adder.new(), load["form"].tobytes()
        came = adder.read(split(load["sizes"][0], load["cipher"][0]))
        if partial is None:
            return form, came
        return self.merge(partial, (form, came))

    def merge(self, left: Partial, right: Partial) -> Partial:
        """Add two sums. Raises as `add` does."""
        if left is None or right is None:
            return right if left is None else left
        if left[0] != right[0] or len(left[1]) != len(right[1]):
            raise DataError(
                "Two encrypted loads hold different vectors.", mend="All parties must run the same version."
            )
        return left[0], Adder.new().add(left[1], right[1])

    def close(self, partial: Partial) -> Load | None:
        """The sum, written."""
        if partial is None:
            return None
        form, total = partial
        return cipher_load(unpack(Form, form), Adder.new().written(total))
