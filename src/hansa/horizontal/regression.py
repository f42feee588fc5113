"""A fitted regression: coefficients, their errors, and the page that statisticians know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import lgamma, log, nan, pi
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from hansa.core.metrics.tails import normal_beyond, normal_within
from hansa.core.step import Done
from hansa.errors import ConfigError, DataError, nearest
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.families import Family, FamilyName, Floats, LinkFunction
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rounds import Learning

CONST = "const"


@final
@dataclass(frozen=True, eq=False)
class Regression:
    """What a regression over all parties found: `params [k]` and `cov [k, k]` by `names [k]`, in the columns' units.

    `rows`: how many were summed; a weighted one counts once. `aliased`: columns that others determine, and which;
    they are left out. `references`: the columns that stand for a category's reference level. `separated`: columns
    without a finite estimate, were it not for a penalty. `robust`: by which column standard errors are clustered.
    `selected`: whether the columns were chosen on the same rows.
    Standard errors of a ridge are those of the penalised information; they know nothing of its bias.

    Example:
        >>> found = Regression(("const", "age"), np.array([-1.0, 0.2]), np.diag([0.25, 0.01]), rows=100)
        >>> found.bse.tolist(), found.pvalues.round(4).tolist(), found.param("age")
        ([0.5, 0.1], [0.0455, 0.0455], 0.2)
    """

    names: tuple[str, ...]
    params: NDArray[np.float64]
    cov: NDArray[np.float64]
    family: FamilyName = "logistic"
    link_function: LinkFunction = "logit"
    power: float = 1.5
    rows: int = 0
    mass: float = 0.0
    deviance: float = nan
    null_deviance: float = nan
    pearson_chi2: float = nan
    constant: float = nan
    ridge: float = 0.0
    firth: bool = False
    aliased: Mapping[str, str] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    separated: tuple[str, ...] = ()
    iterations: int = 0
    asks: int = 0
    converged: bool = False
    robust: str = ""
    selected: bool = False

    @property
    def df_resid(self) -> int:
        """Rows less coefficients."""
        return self.rows - len(self.names)

    @property
    def scale(self) -> float:
        """The dispersion: 1 of a logistic or Poisson regression, else Pearson's chi-squared by `df_resid`."""
        return 1.0 if Family(self.family).fixes_scale else self.pearson_chi2 / max(self.df_resid, 1)

    @property
    def bse(self) -> Floats:
        """Standard errors [k]."""
        return np.sqrt(np.maximum(np.diag(self.cov), 0.0))

    @property
    def tvalues(self) -> Floats:
        """Coefficients by their standard errors [k]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.params / self.bse)

    @property
    def pvalues(self) -> Floats:
        """Two-sided p-values by the normal distribution [k]."""
        return np.array([normal_beyond(z) for z in self.tvalues.tolist()])

    def conf_int(self, alpha: float = 0.05) -> Floats:
        """Confidence intervals [k, 2] that miss with the chance `alpha`, by the normal distribution."""
        reach = normal_within(1 - alpha) * self.bse
        return np.stack([self.params - reach, self.params + reach], axis=1)

    @property
    def llf(self) -> float:
        """The log likelihood at the coefficients; NaN for Tweedie, and for a weighted gamma regression."""
        match self.family:
            case "logistic":
                return -self.deviance / 2
            case "poisson":
                return self.constant - self.deviance / 2
            case "linear":
                return self.constant - self.rows / 2 * (log(2 * pi * self.deviance / self.rows) + 1)
            case "gamma" if self.mass == self.rows:
                shape = 1 / self.scale
                kernel = -self.deviance / 2 - self.rows  # log(y / mean) - y / mean, summed
                return shape * kernel + self.rows * (shape * log(shape) - lgamma(shape)) - self.constant
        return nan

    @property
    def aic(self) -> float:
        """Akaike's criterion (1974): twice the number of coefficients less twice the log likelihood."""
        return 2 * len(self.names) - 2 * self.llf

    @property
    def pseudo_rsquared(self) -> float:
        """The share of the null deviance that is explained (Cohen et al. 2003)."""
        return 1 - self.deviance / self.null_deviance

    def param(self, name: str) -> float:
        """One coefficient.

        Raises:
            DataError: there is none of this name.
        """
        if name not in self.names:
            raise DataError(f"The regression has no coefficient '{name}'.", mend=nearest(name, self.names))
        return float(self.params[self.names.index(name)])

    def predict(self, X: NDArray[np.floating], names: tuple[str, ...], offset: Floats | None = None) -> Floats:
        """Means [rows] of rows `X [rows, columns]` whose columns have these names; others than its own are ignored."""
        eta = np.zeros(len(X)) if offset is None else np.asarray(offset, np.float64).copy()
        for name, param in zip(self.names, self.params.tolist(), strict=True):
            eta += param if name == CONST and name not in names else param * X[:, names.index(name)]
        return Family(self.family, self.link_function, self.power).mean(eta)

    def reads(self, prepared: Prepared | None) -> Prepared | None:
        """The part of a preparation that the regression reads: no columns but its own."""
        return None if prepared is None else prepared.only(self.names)

    def learning(self, prepared: Prepared | None) -> Learning:
        """The regression as parameters of `Linear` over the prepared columns; 0 of those that it leaves out.

        Raises:
            ConfigError: there is no preparation, so that nothing says how a row becomes columns.
        """
        if prepared is None:
            raise ConfigError(
                "A regression on raw columns scores no rows.",
                "Nothing would keep how a row becomes columns.",
                'Put binning before glm, or prepare with numeric = "none".',
            )
        own = dict(zip(self.names, self.params.tolist(), strict=True))
        constant = [own[CONST]] if CONST in own else []
        vector = np.array([*(own.get(name, 0.0) for name in prepared.names), *constant])
        return Learning(prepared.width, vector)

    def as_dict(self) -> dict[str, Any]:
        """The table as plain data, by coefficient."""
        low, high = self.conf_int().T
        figures = {"coef": self.params, "std err": self.bse, "z": self.tvalues, "P>|z|": self.pvalues}
        columns = {**figures, "[0.025": low, "0.975]": high}
        return {name: {word: float(column[i]) for word, column in columns.items()} for i, name in enumerate(self.names)}

    def summary(self) -> str:
        """The page: the fit, a line for each coefficient, and what a reader must know of it."""
        facts = (
            ("Family", self.family, "Rows", f"{self.rows:,}"),
            ("Link", self.link_function, "Df residuals", f"{self.df_resid:,}"),
            ("Deviance", f"{self.deviance:.6g}", "Null deviance", f"{self.null_deviance:.6g}"),
            ("Log-likelihood", f"{self.llf:.6g}", "AIC", f"{self.aic:.6g}"),
            ("Scale", f"{self.scale:.6g}", "Iterations", f"{self.iterations} ({self.asks} asks)"),
        )
        width = max(12, *(len(name) for name in self.names))
        lines = [f"{a:<16}{b:>16}   {c:<16}{d:>16}" for a, b, c, d in facts]
        lines += ["", f"{'':<{width}}{'coef':>12}{'std err':>12}{'z':>10}{'P>|z|':>9}{'[0.025':>12}{'0.975]':>12}"]
        for name, row in self.as_dict().items():
            c, e, z, p, low, high = row.values()
            lines.append(f"{name:<{width}}{c:>12.4f}{e:>12.4f}{z:>10.3f}{p:>9.3f}{low:>12.4f}{high:>12.4f}")
        return "\n".join([*lines, *[""] * bool(self.notes), *self.notes])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of it, a sentence each."""
        notes = [f"Left out: {name} is {why}." for name, why in self.aliased.items()]
        if self.references:
            notes.append(f"Reference levels: {', '.join(self.references)}.")
        if self.separated:
            notes.append(f"Finite only by the penalty, for they separate the outcomes: {', '.join(self.separated)}.")
        if self.robust:
            notes.append(f"Standard errors are clustered by {self.robust}.")
        if self.ridge:
            notes.append(f"Ridge {self.ridge:g} on standardised columns: standard errors know nothing of its bias.")
        if self.firth:
            notes.append("Bias is reduced by Jeffreys' prior (Firth 1993).")
        if self.selected:
            notes.append("Standard errors, p-values and intervals are not valid after selection on the same rows.")
        if not self.converged:
            notes.append("It has not converged: do not use it.")
        return tuple(notes)


def regression_in(done: Done) -> tuple[Regression, tuple[str, ...]]:
    """The latest regression on binned columns, and which of them it leaves out for the sign of their coefficients.

    Rounds of a linear model are one without errors; no selection has looked at their columns, and those go whose
    coefficient would reward what their event rates punish.

    Raises:
        JobError: there is no binning, or neither a regression nor rounds.
        DataError: rounds have found no coefficient of the right sign.

    Example:
        >>> from hansa.horizontal.binning_table import BinningTable
        >>> from hansa.horizontal.woe import Cells
        >>> counts = np.array([[9.0, 6.0, 0.0], [1.0, 4.0, 0.0]])
        >>> tables = tuple(BinningTable(Cells(name, edges=(30.0,)), counts, (0, 1)) for name in ("age", "income"))
        >>> found, turned = regression_in(Done((BinningProcess(tables), Learning(2, np.array([0.1, -0.8, -2.0])))))
        >>> found.names, found.params.tolist(), turned
        (('const', 'income'), [-2.0, -0.8], ('age',))
    """
    binned = done.last(BinningProcess).prepared
    found = next((one for one in reversed(done.results) if isinstance(one, Learning | Regression)), None)
    if not isinstance(found, Learning) or len(found.chosen) != binned.width + 1:
        return done.last(Regression), ()
    own = dict(zip(binned.names, found.chosen.tolist(), strict=False))
    kept = {CONST: float(found.chosen[-1]), **{name: param for name, param in own.items() if param < 0}}
    if len(kept) == 1:
        raise DataError(
            "No column's coefficient has the right sign: there is nothing to make a scorecard of.",
            "The rounds have learned too little, or their noise hides it.",
            "Take more rounds, a higher local.learning_rate, less noise, or more rows.",
        )
    errors = np.full((len(kept), len(kept)), nan)
    return Regression(tuple(kept), np.array([*kept.values()]), errors), tuple(name for name in own if name not in kept)
