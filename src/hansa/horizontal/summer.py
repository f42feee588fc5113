"""The party's half of `Glm`: what it is asked, and its sums over its training rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.load import Load
from hansa.core.message import Answer, Ask
from hansa.core.party import Memory, Site
from hansa.errors import DataError
from hansa.horizontal.families import Family, Floats
from hansa.horizontal.newton import Frame
from hansa.horizontal.regressors import Regressors, names_of, regressors_of, triangle

if TYPE_CHECKING:
    from hansa.horizontal.glm import Glm


@final
@dataclass(frozen=True)
class Regressed(Ask):
    """Which columns would your rows be regressed on?

    Example:
        >>> Regressed()
        Regressed()
    """


@final
@dataclass(frozen=True)
class Totals(Ask):
    """What do weights, outcomes, columns, and columns at events add up to?

    Example:
        >>> Totals(("age",)).names
        ('age',)
    """

    names: tuple[str, ...]


@final
@dataclass(frozen=True)
class Gram(Ask):
    """What do the products of the columns, less these centres, add up to?

    Example:
        >>> Gram(("age",), np.array([40.0])).centre.tolist()
        [40.0]
    """

    names: tuple[str, ...]
    centre: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Climb(Ask):
    """At these coefficients on standardised columns: what are the deviance, the gradient and the information?

    Example:
        >>> Climb(Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2)).beta.tolist()
        [0.0, 0.0]
    """

    frame: Frame
    beta: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Lean(Ask):
    """At these coefficients: how does Jeffreys' prior lean on the gradient, given the inverse of the information?

    Example:
        >>> Lean(Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2), np.eye(2)).inverse.shape
        (2, 2)
    """

    frame: Frame
    beta: NDArray[np.float64]
    inverse: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Meat(Ask):
    """At these coefficients: what are the products of each cluster's summed gradients, and how many clusters are there?

    Example:
        >>> Meat(Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2)).beta.shape
        (2,)
    """

    frame: Frame
    beta: NDArray[np.float64]


@final
@dataclass(frozen=True)
class Summer:
    """The party's half: sums over its training rows.

    Example:
        >>> from hansa.horizontal.glm import Glm
        >>> Summer(Glm()).step.family
        'logistic'
    """

    step: Glm

    def answer(self, ask: Ask, site: Site, memory: Memory) -> tuple[Answer, Memory]:
        """Answer any of the step's asks; nothing is remembered."""
        if isinstance(ask, Regressed):
            return Answer.of_text(names_of(site, memory, self.step.offset, self.step.cluster)), memory
        rows = regressors_of(site, memory, self.step.offset, self.step.cluster)
        kind = self.step.kind
        if isinstance(ask, Totals):
            kind.check(rows.y)
            return Answer(Load({word: one[None, :] for word, one in rows.totals(ask.names, kind).items()})), memory
        if isinstance(ask, Gram):
            total = np.zeros((len(ask.names),) * 2)
            for X, _, weight, _ in rows.blocks(Frame(ask.names, ask.centre, np.ones(len(ask.names)))):
                root = X * np.sqrt(weight)[:, None]
                total += root.T @ root
            return Answer(Load({"products": triangle(total)[None, :]})), memory
        if isinstance(ask, Climb):
            return Answer(self._climbed(rows, ask, kind)), memory
        if isinstance(ask, Lean):
            lean = np.zeros(len(ask.beta))
            for X, r, _ in self._scores(rows, ask.frame, ask.beta):
                hat = r.information * np.einsum("ij,jk,ik->i", X, ask.inverse, X)
                lean += X.T @ (hat * (0.5 - r.mean))
            return Answer(Load({"lean": lean[None, :]})), memory
        if isinstance(ask, Meat):
            scores = [X * r.gradient[:, None] for X, r, _ in self._scores(rows, ask.frame, ask.beta)]
            meat, count = rows.clustered(np.concatenate([np.empty((0, len(ask.beta))), *scores]))
            return Answer(Load({"meat": triangle(meat)[None, :], "clusters": np.array([[float(count)]])})), memory
        raise DataError(f"A regression has no answer to {type(ask).__name__}.")

    def _climbed(self, rows: Regressors, ask: Climb, kind: Family) -> Load:
        width = len(ask.beta)
        sums, gradient, information = np.zeros(2), np.zeros(width), np.zeros((width, width))
        for X, r, y in self._scores(rows, ask.frame, ask.beta):
            pearson = float(r.weight @ ((y - r.mean) ** 2 / np.maximum(kind.variance(r.mean), 1e-300)))
            sums += kind.deviance(y, r.mean, r.weight), pearson
            gradient += X.T @ r.gradient
            root = X * np.sqrt(r.information)[:, None]
            information += root.T @ root
        shown = {"sums": sums, "gradient": gradient, "information": triangle(information)}
        return Load({word: one[None, :] for word, one in shown.items()})

    def _scores(self, rows: Regressors, frame: Frame, beta: Floats) -> Iterator[tuple[Floats, _Row, Floats]]:
        """Blocks of standardised rows, with each row's part of the gradient and of the information."""
        kind = self.step.kind
        for X, y, weight, offset in rows.blocks(frame, constant=self.step.intercept):
            eta = X @ beta + offset
            mean, slope = kind.mean(eta), kind.slope(eta)
            with np.errstate(over="ignore", invalid="ignore"):
                part = weight * slope / np.maximum(kind.variance(mean), 1e-300)
                row = _Row(mean, weight, part * (y - mean), part * slope)
            yield X, row, y


@final
@dataclass(frozen=True)
class _Row:
    """Each row's mean, weight, and part of the gradient and of the information [rows]."""

    mean: Floats
    weight: Floats
    gradient: Floats
    information: Floats
