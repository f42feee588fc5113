"""Newton's steps of a regression at the coordinator: columns standardised, determined ones found, errors turned back.

What is here is pure: it knows sums and no rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf, nan
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import DataError
from hansa.horizontal.families import Floats
from hansa.horizontal.regression import CONST, Regression

if TYPE_CHECKING:
    from hansa.horizontal.glm import Glm

_DETERMINED = 1e-10
"""A column of which others leave less than this share of its variance open is determined by them."""

_CLOSE = 1e-4
_ROUNDING = 1e-14
"""What rounding leaves open of a column that others determine by shares of size 1; larger ones magnify it."""

_PATIENCE = 8
_AT_REST, _MOVING = 1e-7, 1e-2


@final
@dataclass(frozen=True, eq=False)
class Frame:
    """Which columns stand in a regression, and the centres and scales [k] by which they are standardised.

    Example:
        >>> frame = Frame(("age",), np.array([40.0]), np.array([10.0]))
        >>> frame.turned(np.array([0.5, 2.0]), intercept=True).tolist()
        [-7.5, 0.2]
    """

    names: tuple[str, ...]
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]

    def matrix(self, *, intercept: bool) -> Floats:
        """What turns coefficients on standardised columns into those on the columns' own scale."""
        if not intercept:
            return np.diag(1 / self.scale)
        full = np.diag(np.concatenate([[1.0], 1 / self.scale]))
        full[0, 1:] = -self.centre / self.scale
        return full

    def turned(self, beta: Floats, *, intercept: bool) -> Floats:
        """Coefficients on the columns' own scale."""
        return np.asarray(self.matrix(intercept=intercept) @ beta)


@final
@dataclass(frozen=True, eq=False)
class Point:
    """Where the climb stands: coefficients on standardised columns, the sums there, and the step that comes next.

    Example:
        >>> Point(np.zeros(1), 3.0, 3.0, np.ones(1), np.eye(1), asks=1).objective
        inf
    """

    beta: Floats
    deviance: float
    pearson: float
    gradient: Floats
    information: Floats
    asks: int
    objective: float = inf
    step: Floats = field(default_factory=lambda: np.empty(0))

    @property
    def size(self) -> float:
        """The step's largest part, by the largest coefficient."""
        return float(np.abs(self.step).max(initial=0.0) / (1 + np.abs(self.beta).max(initial=0.0)))


@final
@dataclass(frozen=True, eq=False)
class Problem:
    """A regression's columns, scales and totals, as sums have told them.

    Example:
        >>> from hansa.horizontal.glm import Glm
        >>> ten, four = np.array([10.0]), np.array([4.0])
        >>> totals = {"rows": ten, "mass": ten, "y": np.array([5.0, 0.0]), "x": four, "xy": four / 2, "odd": 0 * four}
        >>> problem = Problem.of(Glm(), ("new",), (), totals, (four / 10, np.array([[2.4]])))
        >>> problem.separated, problem.frame.centre.tolist(), problem.start.tolist()
        ((), [0.4], [0.0, 0.0])
    """

    glm: Glm
    frame: Frame
    start: Floats
    rows: int
    mass: float
    constant: float
    references: tuple[str, ...] = ()
    aliased: Mapping[str, str] = field(default_factory=dict)
    separated: tuple[str, ...] = ()
    selected: bool = False

    @classmethod
    def of(
        cls,
        glm: Glm,
        names: tuple[str, ...],
        references: tuple[str, ...],
        totals: Mapping[str, Floats],
        moments: tuple[Floats, Floats],
    ) -> Problem:
        """Begin: leave determined columns out, and refuse those that separate the outcomes.

        Raises:
            DataError: names every column of zeros and ones whose ones all have the same outcome.
        """
        centre, products = moments
        mass, mean = float(totals["mass"][0]), float(totals["y"][0] / totals["mass"][0])
        if glm.family == "logistic" and not 0 < mean < 1:
            raise DataError("All rows have the same outcome.", mend="Bring rows of both outcomes.")
        separated = _separated(names, totals) if glm.family == "logistic" else ()
        if separated and not glm.ridge and not glm.firth:
            raise _no_estimate(separated)
        names = tuple(name for name in names if name not in references)
        aliased = determined(names, products, centre**2 * mass, intercept=glm.intercept)
        kept = [i for i, name in enumerate(names) if name not in aliased]
        scale = np.sqrt(np.diag(products)[kept] / mass)
        frame = Frame(tuple(names[i] for i in kept), centre[kept], scale)
        start = np.zeros(len(kept) + glm.intercept)
        if glm.intercept:
            start[0] = glm.kind.linked(mean)
        rows, constant = int(totals["rows"][0]), float(totals["y"][1])
        return cls(glm, frame, start, rows, mass, constant, references, aliased, separated)

    def penalised(self, point: Point) -> Point:
        """The point with its objective, and the ridge in gradient and information."""
        if not np.isfinite(point.deviance):
            return point
        weight = np.full(len(point.beta), self.glm.ridge)
        weight[: int(self.glm.intercept)] = 0.0
        objective = point.deviance + float(weight @ point.beta**2)
        if self.glm.firth:
            objective -= float(np.linalg.slogdet(point.information)[1])
        ridged = point.information + np.diag(weight)
        return replace(point, objective=objective, gradient=point.gradient - weight * point.beta, information=ridged)

    def inverse(self, information: Floats) -> Floats:
        """The inverse of the information matrix.

        Raises:
            DataError: it is singular.
        """
        try:
            return np.asarray(np.linalg.inv(information))
        except np.linalg.LinAlgError:
            raise DataError(
                "The information matrix is singular.",
                "The outcomes are separated, or the means are out of their range.",
                "Add a little ridge.",
            ) from None

    def aimed(self, point: Point) -> Point:
        """The point with Newton's step."""
        if not np.isfinite(point.objective):
            return point
        return replace(point, step=np.asarray(self.inverse(point.information) @ point.gradient))

    def found(self, point: Point, steps: int, null: float) -> Regression:
        """What the point says on the columns' own scale."""
        glm, back = self.glm, self.frame.matrix(intercept=self.glm.intercept)
        made = Regression(
            ((CONST,) if glm.intercept else ()) + self.frame.names,
            back @ point.beta,
            np.zeros((0, 0)),
            glm.family,
            glm.kind.link,
            glm.power,
            self.rows,
            self.mass,
            point.deviance,
            null if glm.intercept and not glm.offset else nan,
            point.pearson,
            self.constant,
            glm.ridge,
            glm.firth,
            self.aliased,
            self.references,
            self.separated,
            steps,
            point.asks,
            converged=point.size <= glm.tolerance,
            selected=self.selected,
        )
        return replace(made, cov=made.scale * back @ self.inverse(point.information) @ back.T)

    def clustered(self, found: Regression, meat: Floats, clusters: float) -> Regression:
        """The same regression with the sandwich as its covariance; the meat is on standardised columns."""
        if clusters < 2:
            raise DataError("Errors are clustered over fewer than two clusters.", mend="Leave `cluster` out.")
        back = self.frame.matrix(intercept=self.glm.intercept)
        bread = found.cov / found.scale
        forth = np.linalg.inv(back)
        factor = clusters / (clusters - 1) * (self.rows - 1) / (self.rows - len(found.names))
        cov = factor * bread @ (forth.T @ meat @ forth) @ bread
        return replace(found, cov=cov, robust=self.glm.cluster)


def determined(names: tuple[str, ...], products: Floats, shift: Floats, *, intercept: bool) -> dict[str, str]:
    """Columns that earlier ones determine, each with the words for it; from the products [k, k] of centred columns.

    `shift` [k]: what the squares of the centres would add to the products' diagonal: a spread far below it is rounding.

    Example:
        >>> products = np.array([[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
        >>> determined(("a", "b", "c"), products, np.ones(3), intercept=True)
        {'b': 'determined by a', 'c': 'constant'}
    """
    spread = np.diag(products)
    flat = spread <= 1e-24 * shift
    root = np.sqrt(np.where(flat, 1.0, spread))
    C = products / np.outer(root, root)
    found: dict[str, str] = {}
    kept: list[int] = []
    L = np.zeros((len(names), len(names)))
    for j, name in enumerate(names):
        if flat[j]:
            found[name] = "constant" if intercept else "zero"
            continue
        k = len(kept)
        for i, earlier in enumerate(kept):
            L[j, i] = (C[j, earlier] - L[j, :i] @ L[earlier, :i]) / L[earlier, i]
        rest = C[j, j] - L[j, :k] @ L[j, :k]
        shares = np.linalg.solve(C[np.ix_(kept, kept)], C[kept, j]) if rest < _CLOSE else np.zeros(k)
        if rest > max(_DETERMINED, _ROUNDING * (1 + np.abs(shares).sum()) ** 2):
            L[j, k] = np.sqrt(rest)
            kept.append(j)
            continue
        heavy = [names[kept[i]] for i in np.flatnonzero(np.abs(shares) > 1e-6)]
        found[name] = f"determined by {', '.join(heavy)}"
    return found


def refuse_separated(problem: Problem, point: Point, steps: int) -> None:
    """Look whether coefficients run away while the deviance has come to rest: then they have no finite estimate.

    Raises:
        DataError: names the columns that run.

    Example:
        >>> from hansa.horizontal.glm import Glm
        >>> problem = Problem(Glm(), Frame(("age",), np.zeros(1), np.ones(1)), np.zeros(2), 9, 9.0, 0.0)
        >>> refuse_separated(problem, Point(np.zeros(2), 9.0, 9.0, np.zeros(2), np.eye(2), 1, 9.0, np.zeros(2)), 20)
    """
    if problem.glm.family != "logistic" or steps < _PATIENCE or problem.glm.ridge or problem.glm.firth:
        return
    gain = float(point.step @ point.information @ point.step)
    if gain > _AT_REST * problem.mass or np.abs(point.step).max(initial=0.0) < _MOVING:
        return
    own = np.abs(point.step[int(problem.glm.intercept) :])
    running = [n for n, far in zip(problem.frame.names, own, strict=True) if far > 0.1 * own.max()]
    raise _no_estimate(tuple(running))


def _separated(names: tuple[str, ...], totals: Mapping[str, Floats]) -> tuple[str, ...]:
    x, xy, odd = totals["x"], totals["xy"], totals["odd"]
    mass, events = float(totals["mass"][0]), float(totals["y"][0])
    slack = 1e-12 * mass
    ones = (xy <= slack) | (x - xy <= slack)
    zeros = (events - xy <= slack) | (mass - x - (events - xy) <= slack)
    both = (x > slack) & (mass - x > slack)
    return tuple(n for n, alike in zip(names, (ones | zeros) & both & (odd == 0), strict=True) if alike)


def _no_estimate(names: tuple[str, ...]) -> DataError:
    shown = ", ".join(f"'{name}'" for name in names)
    return DataError(
        f"The outcomes are separated by {shown}.",
        "They tell some rows' outcome without fail, alone or together, so no finite coefficient is the best.",
        "Merge those levels with others, name them in `drop`, or set firth or a ridge.",
    )
