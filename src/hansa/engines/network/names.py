"""Who may be called what: a name is an identity, a folder, and a line in everybody's records."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, final
from urllib.parse import quote

from hansa.core.party import Party
from hansa.errors import ConfigError

Role: TypeAlias = Literal["party", "coordinator", "person", "guest"]
"""An institution, the coordinator, somebody who asks the coordinator about jobs, or an institution that was invited."""

COORDINATOR: Final = "coordinator"
"""What the coordinator is called; no institution may be."""

_LONGEST = 64  # what a certificate's common name may hold (RFC 5280, ub-common-name)


@final
@dataclass(frozen=True)
class Subject:
    """Whom a certificate speaks of: an institution or the coordinator, by name.

    Raises:
        ConfigError: a name that could be taken for another, that no folder can have, or that is not its to bear.

    Example:
        >>> Subject("甲银行").uri
        'urn:hansa:party:%E7%94%B2%E9%93%B6%E8%A1%8C'
        >>> Subject("../bank-b")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: A party needs a name that can also be a folder's. Use letters, digits and dashes.
    """

    name: str
    role: Role = "party"

    def __post_init__(self) -> None:
        """Check the name."""
        Party(self.name, {})
        if len(self.name) > _LONGEST:
            raise ConfigError(f"A name has at most {_LONGEST} characters.", "A certificate holds no more.")
        if unicodedata.normalize("NFC", self.name) != self.name:
            raise ConfigError("A name is spelt in two ways that look the same.", mend="Write it in Unicode's NFC form.")
        if self.name[0] in ".-" or any(unicodedata.category(c)[0] == "C" for c in self.name):
            raise ConfigError("A name begins with a dot or a dash, or has characters that cannot be seen.")
        if (self.name.casefold() == COORDINATOR) != (self.role == "coordinator"):
            raise ConfigError(f"Only the coordinator is called '{COORDINATOR}'.", mend="Choose another name.")

    @property
    def uri(self) -> str:
        """The name as a URI, which is ASCII: for certificates."""
        return f"urn:hansa:{self.role}:{quote(self.name, safe='')}"
