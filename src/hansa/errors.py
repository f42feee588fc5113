"""Every error that hansa raises: what happened, why, and the mend.

    HansaError                 1
    ├── JobError               2   the job is wrong, before anything moved
    │   ├── ChainError         2   links that do not fit together
    │   └── ConfigError        2   an option, a file, an unknown name
    ├── DataError              3   a table that cannot be used
    │   └── DiskFailed         3   a store that cannot write just now
    ├── Refused                4   somebody's rule says no
    │   ├── PolicyRefusal      4
    │   ├── NotNow             4   the same may be asked at another time
    │   └── BudgetSpent        4
    ├── PartyError             5   an institution failed its part
    │   ├── PartyLost          5
    │   ├── TooFewParties      5
    │   └── PartyFailed        5   with party, round and ask
    ├── WireError              6   what arrived is not what was said
    │   └── IdentityError      6   who said it is not who they claim to be
    └── PrivacyError           4   a promise that cannot be kept
        └── CannotAccount      4

The number is the exit code at the command line. An interrupted run exits 130 and can be resumed.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class HansaError(Exception):
    """The root of hansa's errors: one sentence each for what, why and the mend.

    Example:
        >>> str(HansaError("No table named 'loans'.", mend="Name one of: cards."))
        "No table named 'loans'. Name one of: cards."
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, why: str = "", mend: str = "") -> None:
        """Take three sentences; the last two may be empty."""
        self.what, self.why, self.mend = what, why, mend
        super().__init__(what, why, mend)

    def __str__(self) -> str:
        """Join what is not empty with single spaces."""
        return " ".join(part for part in (self.what, self.why, self.mend) if part)


class JobError(HansaError):
    """The job cannot be run as it is written."""

    exit_code = 2


class ChainError(JobError):
    """The links of a chain do not fit together."""


class ConfigError(JobError):
    """An option, a name or a file of the configuration is wrong."""


class DataError(HansaError):
    """A table cannot be used as it is."""

    exit_code = 3


class DiskFailed(DataError):
    """A store's disk fails or is full; what it holds is whole, and the same can be tried again."""


class Refused(HansaError):
    """A rule of a party says no."""

    exit_code = 4


class PolicyRefusal(Refused):
    """A party's policy does not allow what was asked."""


class NotNow(Refused):
    """A party's hours do not allow what was asked; at another time it may be asked again."""


class BudgetSpent(Refused):
    """A party's privacy budget does not cover what was asked."""


class PartyError(HansaError):
    """An institution could not do its part."""

    exit_code = 5


class PartyLost(PartyError):
    """A party cannot be reached any more."""


class TooFewParties(PartyError):
    """Fewer parties answered than the job's quorum."""


class PartyFailed(PartyError):
    """A party's handler failed; says which party, in which step and at which ask.

    Example:
        >>> PartyFailed("The fit diverged.", party="bank-a", place="rounds, round 3", ask="Train").party
        'bank-a'
    """

    def __init__(
        self, what: str, why: str = "", mend: str = "", *, party: str = "", place: str = "", ask: str = ""
    ) -> None:
        """Take the sentences, then who failed, where in the job, and on which kind of ask."""
        super().__init__(what, why, mend)
        self.party, self.place, self.ask = party, place, ask

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the three names when the error crosses a process."""
        return (_party_failed, (self.what, self.why, self.mend, self.party, self.place, self.ask))

    def __str__(self) -> str:
        """Lead with the party and the place."""
        return f"{self.party} ({self.ask} in {self.place}): {super().__str__()}"


def _party_failed(what: str, why: str, mend: str, party: str, place: str, ask: str) -> PartyFailed:
    return PartyFailed(what, why, mend, party=party, place=place, ask=ask)


class WireError(HansaError):
    """What arrived is not a well-formed message."""

    exit_code = 6


class IdentityError(WireError):
    """A certificate, a signature or a token does not show who somebody claims to be."""


class PrivacyError(HansaError):
    """A privacy promise that cannot be kept."""

    exit_code = 4


class CannotAccount(PrivacyError):
    """A mechanism for which no accountant can state an epsilon."""


def named(kind: str) -> type[HansaError]:
    """The kind of error of a name, as another process has told it; one that nobody knows is a HansaError.

    Example:
        >>> named("TooFewParties").exit_code, named("SystemExit").__name__
        (5, 'HansaError')
    """
    kinds: list[type[HansaError]] = [HansaError]
    for one in kinds:
        kinds.extend(one.__subclasses__())
    found = next((one for one in kinds if one.__name__ == kind), HansaError)
    return PartyError if found is PartyFailed else found  # its three names are in the words already


_VALUE = re.compile(
    r"[+-]?(?=\D*\d)[\d.,'\s]+(e[+-]?\d+)?%?"
    r"|\d{1,4}([-/.])\d{1,2}\2\d{1,4}([T\s].*)?|\d{4}年\d{1,2}月\d{1,2}日",
    re.IGNORECASE | re.DOTALL,
)
"""A number, with any mark for decimals and thousands, or a date, with or without a time."""


def is_value(name: str) -> bool:
    """Tell whether a name reads as a number or a date: then it may be a customer's, and no message quotes it.

    Example:
        >>> [is_value(name) for name in ("1961-04-03", "1.200,50", "0042", "bill_2024", "30-59 days")]
        [True, True, True, False, False]
    """
    return _VALUE.fullmatch(name.strip()) is not None


def nearest(name: str, known: Iterable[str]) -> str:
    """Say the known name nearest to a mistyped one, or list them all; what looks like a value is never said.

    Example:
        >>> nearest("epoch", ["epochs", "batch"])
        "Did you mean 'epochs'?"
        >>> nearest("x", ["epochs", "batch"])
        'Known: batch, epochs.'
    """
    names = sorted(name for name in known if not is_value(name))
    if not names:
        return "The names that are there look like values: is the header missing?"
    close = get_close_matches(name, names, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(names)}."
