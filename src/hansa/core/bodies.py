"""What asks and answers look like inside a frame: plain data, read by the kinds that the receiver knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hansa.core.codec import build, plain
from hansa.core.load import Load
from hansa.core.message import Answer, Ask, Masked, Refusal, Sealed
from hansa.errors import DataError, HansaError, WireError


def ask_body(ask: Ask) -> dict[str, Any]:
    """An ask as a body: its kind and its settings; a wrapper holds its inner ask the same way.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Count(Ask):
        ...     column: str
        >>> ask_body(Masked(Count("age")))
        {'kind': 'Masked', 'inner': {'kind': 'Count', 'ask': {'column': 'age'}}}
    """
    if isinstance(ask, Masked):
        letters = {"letters": dict(ask.letters)} if ask.letters else {}
        return {"kind": "Masked", "inner": ask_body(ask.inner), **letters}
    return {"kind": type(ask).__name__, "ask": plain(ask)}


def ask_of(body: Any, kinds: Mapping[str, type[Ask]]) -> Ask:
    """Read an ask of one of the kinds that the receiver knows.

    Raises:
        WireError: a kind that is not known, or settings that are not its own.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Count(Ask):
        ...     column: str
        >>> ask_of({"kind": "Count", "ask": {"column": "age"}}, {"Count": Count}).column
        'age'
    """
    kind = body.get("kind") if isinstance(body, Mapping) else None
    if not isinstance(kind, str):  # an array is not compared with a text
        raise WireError("An ask of a kind that this job does not have.")
    if kind == "Masked":
        letters = body.get("letters", {})
        if not isinstance(letters, Mapping) or not all(isinstance(letter, bytes) for letter in letters.values()):
            raise WireError("The bytes do not hold a Masked.")
        return Masked(ask_of(body.get("inner"), kinds), dict(letters))
    if kind not in kinds:
        raise WireError("An ask of a kind that this job does not have.")
    try:
        ask: Ask = build(kinds[kind], body.get("ask"), kind)
    except (HansaError, ValueError, TypeError, OverflowError, RecursionError):
        raise WireError(f"The bytes do not hold a {kind}.") from None
    return ask


def word_body(said: Answer | Refusal) -> dict[str, Any]:
    """An answer or a refusal as a body.

    Example:
        >>> word_body(Refusal("Not on a Sunday."))
        {'refusal': ['Not on a Sunday.', '', '']}
    """
    if isinstance(said, Refusal):
        return {"refusal": [said.what, said.why, said.mend, *filter(None, [said.error])]}
    mail = {party: letter.data for party, letter in said.mail.items()}
    return {"load": dict(said.load.vectors), **({"mail": mail} if mail else {})}


def word_of(body: Any) -> Answer | Refusal:
    """Read an answer or a refusal.

    Raises:
        WireError: neither, or vectors that are no load.

    Example:
        >>> word_of({"refusal": ["Not on a Sunday.", "", ""]}).what
        'Not on a Sunday.'
    """
    if isinstance(body, Mapping) and "refusal" in body:
        words = body["refusal"]
        if isinstance(words, list) and len(words) in {3, 4} and all(isinstance(word, str) for word in words):
            return Refusal(*words)
    elif isinstance(body, Mapping) and isinstance(body.get("load"), Mapping):
        vectors, mail = body["load"], body.get("mail", {})
        fits = isinstance(mail, Mapping) and all(isinstance(letter, bytes) for letter in mail.values())
        if fits and all(isinstance(vector, np.ndarray) for vector in vectors.values()):
            try:
                return Answer(Load(dict(vectors)), {party: Sealed(letter) for party, letter in mail.items()})
            except DataError:
                pass
    raise WireError("The bytes hold neither an answer nor a refusal.")
