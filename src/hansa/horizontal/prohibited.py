"""Columns that a scorecard may not be made of, by the law of a place; matched by their names.

A profile knows words of the field, such as `sex` or `marital_status`; whatever else a lender may not use, it names as
`protected`. A name says little of what a column holds, and a proxy has none: tests of fairness are for those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

from hansa.errors import ConfigError, nearest

if TYPE_CHECKING:
    from hansa.horizontal.card import Card, Characteristic

ProfileName: TypeAlias = Literal["us", "eu", "none"]

ELDERLY: Final = 62.0
"""From this age on an applicant is elderly under Regulation B (12 CFR 1002.2(o))."""

_SEX = "sex|gender|sex code|gender code|is male|is female|male|female"
_MARRIAGE = "marital|marital status|marriage|marital state|married|civil status|civil union|personal status sex"
_RACE = "race|ethnicity|ethnic|ethnic group|ethnic origin|ethnic background|colour of skin|skin color"
_FAITH = "religion|religious affiliation|faith|creed|denomination"
_ORIGIN = "national origin|nationality|country of birth|birthplace|place of birth|birth country|citizenship"
_AGE = "age|age years|age in years|applicant age|customer age|client age|borrower age|date of birth|birth date|dob"
_BIRTH = "birthdate|birthday|year of birth|birth year|age group|age band"


@final
@dataclass(frozen=True)
class Profile:
    """The law of a place: grounds of discrimination by the words that columns are called by, and where they stand.

    `age_rule`: age may be used where the elderly are treated at least as well as anybody younger.

    Example:
        >>> Profile("Somewhere", {"sex": "gender"}).ground("Gender")
        'sex'
    """

    law: str
    grounds: Mapping[str, str] = field(default_factory=dict)
    age_rule: bool = False

    def ground(self, name: str) -> str:
        """On which ground a column of this name is prohibited; nothing if it is not."""
        words = plain_name(name)
        return next((ground for ground, names in self.grounds.items() if words in names.split("|")), "")


PROFILES: Final[Mapping[str, Profile]] = {
    "us": Profile(
        "Regulation B, 12 CFR 1002.6(b)",
        {
            "sex": f"{_SEX}|sexual orientation|gender identity",
            "marital status": _MARRIAGE,
            "race or colour": _RACE,
            "religion": _FAITH,
            "national origin": _ORIGIN,
            "public assistance": "public assistance|welfare|social security income|food stamps|benefits income",
            "age": f"{_AGE}|{_BIRTH}",
        },
        age_rule=True,
    ),
    "eu": Profile(
        "Directive (EU) 2023/2225, articles 6 and 18; GDPR, article 9",
        {
            "sex": f"{_SEX}|sexual orientation|gender identity|sex life",
            "race or ethnic origin": _RACE,
            "nationality": _ORIGIN,
            "religion or belief": f"{_FAITH}|belief|political opinion|politics|trade union|union membership",
            "health or disability": "health|disability|disabled|health status|genetic data|biometric data|diagnosis",
            "language": "language|mother tongue|native language|first language",
            "age": f"{_AGE}|{_BIRTH}",
        },
    ),
    "none": Profile("no law"),
}
"""The profiles by name. They are no legal advice: what binds a lender, its counsel says."""


def plain_name(name: str) -> str:
    """A column's name as words in small letters.

    Example:
        >>> plain_name("MaritalStatus"), plain_name("date_of_birth"), plain_name("SEX")
        ('marital status', 'date of birth', 'sex')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.findall(r"[^\W_]+", apart.lower()))


def prohibited(
    names: Iterable[str], profile: ProfileName, protected: Iterable[str] = (), allow: Iterable[str] = ()
) -> dict[str, str]:
    """Those of these columns that a card may not be made of, each with the reason.

    `protected`: columns that the user names beside the profile's. `allow`: columns that are used all the same, age
    under its rule among them.

    Raises:
        ConfigError: a column is protected and allowed, or one of them is none of these.

    Example:
        >>> prohibited(["income", "Sex", "age"], "us", protected=("income",), allow=("age",))
        {'income': 'it was named as protected', 'Sex': 'sex is prohibited by Regulation B, 12 CFR 1002.6(b)'}
    """
    names, protected, allow = list(names), set(protected), set(allow)
    if both := ", ".join(sorted(protected & allow)):
        raise ConfigError(f"Protected and allowed: {both}.", mend="Decide on one.")
    for name in sorted(protected | allow):
        if name not in names:
            raise ConfigError(f"There is no column '{name}' to protect or allow.", mend=nearest(name, names))
    law, found = PROFILES[profile], dict[str, str]()
    for name in names:
        ground = law.ground(name)
        if name in protected:
            found[name] = "it was named as protected"
        elif ground and name not in allow:
            found[name] = f"{ground} is prohibited by {law.law}"
    return found


def elderly_worse(one: Characteristic) -> bool:
    """Whether somebody of 62 years or more may get fewer points for age than somebody younger.

    The official interpretation of 12 CFR 1002.6(b)(2), 2: at least the points of the most favoured younger class.

    Example:
        >>> from hansa.horizontal.card import Characteristic
        >>> from hansa.horizontal.woe import Cells
        >>> age = Cells("age", edges=(30.0, 70.0))
        >>> elderly_worse(Characteristic(age, (0, 9, 5, 5), ())), elderly_worse(Characteristic(age, (0, 9, 9, 2), ()))
        (True, False)
    """
    cells = one.cells
    if cells.words:
        return True  # labels say no years
    lows, highs = (-float("inf"), *cells.edges), (*cells.edges, float("inf"))
    bins = list(zip(one.points, lows, highs, strict=False))
    younger = [points for points, low, _ in bins if low < ELDERLY]
    elderly = [points for points, _, high in bins if high >= ELDERLY]
    return min(elderly) < max(younger)


def check_card(card: Card, profile: ProfileName, protected: Iterable[str], allow: Iterable[str]) -> None:
    """Refuse a card that reads a prohibited column, or that scores age against its rule.

    Raises:
        ConfigError: names the column, the ground and what to do.

    Example:
        >>> from hansa.horizontal.card import Card, Characteristic
        >>> from hansa.horizontal.woe import Cells
        >>> check_card(Card((Characteristic(Cells("sex"), (0, 0), (0.0, 0.0)),), 600), "us", (), ())
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: The scorecard reads 'sex'. Sex is prohibited by Regulation B, 12 CFR \
1002.6(b). Put it into the drop of binning, or, where the law lets you, into allow.
    """
    named = [set(some).intersection(card.columns) for some in (protected, allow)]
    for name, why in prohibited(card.columns, profile, *named).items():
        raise ConfigError(
            f"The scorecard reads '{name}'.",
            f"{why[0].upper()}{why[1:]}.",
            "Put it into the drop of binning, or, where the law lets you, into allow.",
        )
    law = PROFILES[profile]
    if not law.age_rule:
        return
    for one in card.characteristics:
        if law.ground(one.column) == "age" and elderly_worse(one):
            raise ConfigError(
                f"The scorecard treats some applicants of {ELDERLY:g} years or more worse than younger ones.",
                f"'{one.column}' is allowed, and its points break the rule on age of {law.law}(2).",
                "Leave the column out, or bin it with an ascending trend and splits that keep the rule.",
            )
