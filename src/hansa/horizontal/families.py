"""Families of generalised linear models: means, variances and deviances, row by row or summed.

Source: McCullagh and Nelder (1989), tables 2.1 and 2.3; Jorgensen (1997) for Tweedie.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log
from typing import Final, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from hansa.errors import ConfigError, DataError

Floats: TypeAlias = "NDArray[np.float64]"
FamilyName: TypeAlias = Literal["logistic", "linear", "poisson", "gamma", "tweedie"]
LinkFunction: TypeAlias = Literal["default", "logit", "cloglog", "log", "identity", "inverse"]

_LINKS: Final[dict[FamilyName, tuple[LinkFunction, ...]]] = {  # the first is the default
    "logistic": ("logit", "cloglog"),
    "linear": ("identity", "log"),
    "poisson": ("log", "identity"),
    "gamma": ("log", "inverse", "identity"),
    "tweedie": ("log",),
}
_TINY: Final = 1e-300


@final
@dataclass(frozen=True)
class Family:
    """A family with its link: how the linear predictor becomes a mean, and what a mean loses on a row.

    `power`: that of Tweedie's variance, between 1 and 2. "default" is the logit, identity, log, log and log of
    "logistic", "linear", "poisson", "gamma" and "tweedie".

    Raises:
        ConfigError: a link that the family does not have, or a power outside (1, 2).

    Example:
        >>> Family("logistic").mean(np.array([0.0])).tolist(), Family("gamma").link
        ([0.5], 'log')
        >>> Family("poisson", "logit")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: A poisson regression has no link 'logit'. Choose one of: log, identity.
    """

    name: FamilyName = "logistic"
    link_function: LinkFunction = "default"
    power: float = 1.5

    def __post_init__(self) -> None:
        """Check the link and the power."""
        links = _LINKS[self.name]
        if self.link_function not in {"default", *links}:
            raise ConfigError(
                f"A {self.name} regression has no link '{self.link_function}'.",
                mend=f"Choose one of: {', '.join(links)}.",
            )
        if self.name == "tweedie" and not 1 < self.power < 2:
            raise ConfigError("The power of a Tweedie regression must lie between 1 and 2.", f"Got {self.power:g}.")

    @property
    def link(self) -> LinkFunction:
        """The link by its name."""
        return _LINKS[self.name][0] if self.link_function == "default" else self.link_function

    @property
    def fixes_scale(self) -> bool:
        """Whether the variance follows from the mean alone."""
        return self.name in {"logistic", "poisson"}

    def linked(self, mean: float) -> float:
        """The linear predictor of a mean."""
        match self.link:
            case "logit":
                return log(mean / (1 - mean))
            case "cloglog":
                return log(-log(1 - mean))
            case "log":
                return log(mean)
            case "inverse":
                return 1 / mean
        return mean

    def mean(self, eta: Floats) -> Floats:
        """The means of linear predictors [rows]."""
        with np.errstate(over="ignore", divide="ignore"):
            match self.link:
                case "logit":
                    return np.asarray(1 / (1 + np.exp(-eta)))
                case "cloglog":
                    return np.asarray(-np.expm1(-np.exp(eta)))
                case "log":
                    return np.asarray(np.exp(eta))
                case "inverse":
                    return np.asarray(1 / eta)
        return eta

    def slope(self, eta: Floats) -> Floats:
        """How the means change with the linear predictors [rows]."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            match self.link:
                case "logit":
                    mean = self.mean(eta)
                    return np.asarray(mean * (1 - mean))
                case "cloglog":
                    return np.asarray(np.exp(np.minimum(eta, 700.0) - np.exp(np.minimum(eta, 700.0))))
                case "log":
                    return np.asarray(np.exp(eta))
                case "inverse":
                    return np.asarray(-1 / eta**2)
        return np.ones_like(eta)

    def variance(self, mean: Floats) -> Floats:
        """The variance of a row of unit weight and scale, by its mean [rows]."""
        match self.name:
            case "logistic":
                return mean * (1 - mean)
            case "linear":
                return np.ones_like(mean)
            case "poisson":
                return mean
            case "gamma":
                return mean**2
        return np.asarray(mean**self.power)

    def deviance(self, y: Floats, mean: Floats, weight: Floats) -> float:
        """The deviance summed over rows; infinite where a mean is outside its range."""
        rows = self._losses(y, mean)
        return float(2 * (weight @ rows)) if bool(np.isfinite(rows).all()) else np.inf

    def constant(self, y: Floats, weight: Floats) -> float:
        """What the log likelihood needs of the outcomes alone, summed over rows."""
        if not len(y):
            return 0.0
        match self.name:
            case "linear":
                return float(np.log(weight[weight > 0]).sum() / 2)
            case "poisson":
                return float(weight @ (_xlogx(y) - y - np.array([lgamma(one + 1) for one in y.tolist()])))
            case "gamma":
                return float(np.log(y).sum())
        return 0.0

    def check(self, y: Floats) -> None:
        """Look at the outcomes.

        Raises:
            DataError: they are none of this family.

        Example:
            >>> Family("poisson").check(np.array([0.0, 3.0]))
        """
        odd = {
            "logistic": ~np.isin(y, (0.0, 1.0)),
            "linear": ~np.isfinite(y),
            "poisson": y < 0,
            "gamma": y <= 0,
            "tweedie": y < 0,
        }[self.name]
        if count := int(odd.sum()):
            wanted = {"logistic": "0 or 1", "linear": "finite", "gamma": "above 0"}.get(self.name, "0 or above")
            raise DataError(
                f"The target of a {self.name} regression must be {wanted}, and {count:,} of {len(y):,} rows are not.",
                mend="Choose another family, or correct the target.",
            )

    def _losses(self, y: Floats, mean: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.name == "linear":
                return np.asarray((y - mean) ** 2 / 2)
            if self.name == "logistic":
                return -np.log(np.maximum(np.where(y > 0.5, mean, 1 - mean), _TINY))
            if bool((mean <= 0).any()):
                return np.full(len(y), np.inf)
            if self.name == "poisson":
                return _xlogx(y) - y * np.log(mean) - y + mean
            if self.name == "gamma":
                return np.asarray(y / mean - 1 - np.log(y / mean))
            p = self.power
            return np.asarray(
                y ** (2 - p) / ((1 - p) * (2 - p)) - y * mean ** (1 - p) / (1 - p) + mean ** (2 - p) / (2 - p)
            )


def _xlogx(y: Floats) -> Floats:
    return np.where(y > 0, y * np.log(np.maximum(y, _TINY)), 0.0)
