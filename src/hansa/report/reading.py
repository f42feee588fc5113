"""A run's summary, read with care: what is missing or no number becomes NaN or nothing, never an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from numbers import Real
from typing import Any, Final, final

from hansa.report.bars import Part
from hansa.report.figures import counted
from hansa.report.width import clean

MEASURES: Final = {"auc": "AUC", "accuracy": "accuracy", "mse": "mean squared error"}
"""What a headline compares, in words."""

FIGURES: Final = {
    "auc": ("auc", "gini", "ks", "average_precision", "log_loss", "brier"),
    "accuracy": ("accuracy", "log_loss"),
    "mse": ("mse", "mae", "r2"),
}
"""The pooled figures to show, by what the headline compares."""

NAMES: Final = {
    "auc": "AUC",
    "gini": "Gini",
    "ks": "KS",
    "average_precision": "Avg. precision",
    "log_loss": "Log loss",
    "brier": "Brier",
    "accuracy": "Accuracy",
    "mse": "MSE",
    "mae": "MAE",
    "r2": "R²",
}
"""Figures by their short names."""

MODELS: Final = {
    "federated": "federated",
    "central": "central",
    "ensemble": "ensemble",
    "local_mean": "mean of own models",
}
"""The models that are compared on all test rows, by what people call them."""

_UNMEASURED: Final = "no figure"


def verdict(
    low: float, high: float, words: tuple[str, str, str] = ("clear gain", "no clear gain", "clear loss")
) -> str:
    """Say what a 95 % interval of a difference allows to say: one that contains 0 shows nothing clear.

    Example:
        >>> verdict(0.001, 0.02), verdict(-0.001, 0.02), verdict(0.0, 0.0), verdict(float("nan"), 1.0)
        ('clear gain', 'no clear gain', 'no clear gain', 'no figure')
    """
    if not (isfinite(low) and isfinite(high)):
        return _UNMEASURED
    return words[0] if low > 0 else words[2] if high < 0 else words[1]


def number(value: object) -> float:
    """A number, or NaN.

    Example:
        >>> number(2), number(None), number("3")
        (2.0, nan, nan)
    """
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else nan


def mapping(value: object) -> Mapping[str, Any]:
    """A mapping, or an empty one.

    Example:
        >>> mapping({"a": 1}), mapping(None)
        ({'a': 1}, {})
    """
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[Any]:
    """A list, or an empty one.

    Example:
        >>> items([1]), items("text"), items(None)
        ([1], (), ())
    """
    return value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else ()


def measured(value: object) -> tuple[float, float, float]:
    """A figure and the ends of its interval, from a number or from `{"value", "low", "high"}`.

    Example:
        >>> measured(0.5), measured({"value": 0.5, "low": 0.4, "high": 0.6})
        ((0.5, nan, nan), (0.5, 0.4, 0.6))
    """
    held = mapping(value)
    return (
        (number(held.get("value")), number(held.get("low")), number(held.get("high")))
        if held
        else (number(value), nan, nan)
    )


@final
@dataclass(frozen=True)
class Own:
    """One party's own book: both models on its sealed test, and the gain with its interval; positive is better.

    Example:
        >>> Own("bank-a", gain=0.01, low=-0.01, high=0.03).verdict
        'no clear gain'
    """

    name: str
    rows: float = nan
    positives: float = nan
    federated: float = nan
    local: float = nan
    gain: float = nan
    low: float = nan
    high: float = nan
    note: str = ""

    @property
    def verdict(self) -> str:
        """What may be said of the gain."""
        return verdict(self.low, self.high) if isfinite(self.gain) else _UNMEASURED


@final
@dataclass(frozen=True)
class Difference:
    """How much better the federated model is than a baseline on the same rows, with its paired interval.

    Example:
        >>> Difference("central", -0.01, -0.02, -0.005).verdict
        'clearly worse'
    """

    other: str
    gain: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What may be said of the difference."""
        return verdict(self.low, self.high, ("clearly better", "no clear difference", "clearly worse"))


@final
@dataclass(frozen=True)
class Reading:
    """What a report says about a run, by topic.

    Example:
        >>> party = {"federated": {"auc": 0.8}, "local": {"auc": 0.7}, "gain": {"auc": 0.1, "low": 0.02, "high": 0.18}}
        >>> reading = Reading({"measure": "auc", "metrics": {"federated": {"auc": 0.79}, "parties": {"bank-a": party}}})
        >>> reading.owns()[0].verdict, reading.pooled("federated", "auc"), reading.models()
        ('clear gain', (0.79, nan, nan), ['federated'])
    """

    summary: Mapping[str, Any]

    @property
    def measure(self) -> str:
        """What the headline compares: auc, accuracy or mse; auc where nothing is said."""
        said = self.summary.get("measure")
        return said if isinstance(said, str) and said in MEASURES else "auc"

    @property
    def binary(self) -> bool:
        """Whether the target has two classes, so that there are curves and defaults."""
        return self.measure == "auc"

    @property
    def metrics(self) -> Mapping[str, Any]:
        """All figures."""
        return mapping(self.summary.get("metrics"))

    @property
    def joint(self) -> str:
        """The model that each party's own is held against: the federated one, where nothing else is said.

        Example:
            >>> Reading({}).joint, Reading({"joint": "ensemble"}).joint
            ('federated', 'ensemble')
        """
        said = self.summary.get("joint")
        return said if isinstance(said, str) and said in MODELS else "federated"

    def owns(self) -> list[Own]:
        """Each party's own book, in the roster's order."""
        return [self._own(name, mapping(held)) for name, held in mapping(self.metrics.get("parties")).items()]

    def models(self) -> list[str]:
        """The models with pooled figures, of those that `MODELS` names."""
        return [name for name in MODELS if mapping(self.metrics.get(name))]

    def pooled(self, model: str, name: str) -> tuple[float, float, float]:
        """One pooled figure and its interval, both of one source: counts come second to what is said outright."""
        held = mapping(self.metrics.get(model))
        counts = mapping(held.get("counts"))
        found = measured(held.get(name))
        source = mapping(held.get("auc_interval")) or held
        if not isfinite(found[0]):
            found, source = measured(counts.get(name)), counts
        if name == "auc" and not isfinite(found[1]):
            found = (found[0], number(source.get("low")), number(source.get("high")))
        return found

    @property
    def exact(self) -> bool:
        """Whether the federated figures come from rows, so that counts have nothing to add to them."""
        return "auc_interval" in mapping(self.metrics.get("federated"))

    @property
    def uncounted(self) -> str:
        """How many banks no count of scores holds, in a sentence; nothing where all of them are in.

        Example:
            >>> Reading({"metrics": {"federated": {"counts": {"left_out": 1}}}}).uncounted
            'Counts of scores leave out one bank with too few test rows, or too few of one class.'
        """
        small, absent = self._without("counts", "left_out"), self._without("counts", "absent")
        left = [f"{counted(small, 'bank')} with too few test rows, or too few of one class"] * bool(small)
        left += [f"{counted(absent, 'bank')} that did not answer"] * bool(absent)
        return f"Counts of scores leave out {', and '.join(left)}." if left else ""

    @property
    def unsummed(self) -> str:
        """How many banks are in no summed loss of the test, in a sentence; nothing where all of them are in.

        Example:
            >>> Reading({"metrics": {"federated": {"sums": {"absent": 2}}}}).unsummed
            'Summed test losses leave out two banks that did not answer.'
        """
        absent = self._without("sums", "absent")
        return f"Summed test losses leave out {counted(absent, 'bank')} that did not answer." if absent else ""

    def figures(self) -> list[str]:
        """The pooled figures that at least one model has."""
        wanted = FIGURES[self.measure]
        return [name for name in wanted if any(isfinite(self.pooled(model, name)[0]) for model in self.models())]

    def differences(self) -> list[Difference]:
        """The federated model against the baselines that saw the same rows."""
        held = mapping(self.metrics.get("differences"))
        found = []
        for other in ("central", "ensemble", "local_mean"):
            said = mapping(held.get(f"federated_minus_{other}"))
            one = Difference(other, *(number(said.get(key)) for key in ("gain", "low", "high")))
            if isfinite(one.gain):
                found.append(one)
        return found

    @property
    def weighing(self) -> Sequence[str]:
        """Which pooled figures weigh the rows and which count each once, where a column of weights was named.

        Example:
            >>> Reading({"weight": "exposure", "measure": "mse"}).weighing[0]
            "The figures of all test rows weigh each row by 'exposure'."
        """
        name = self.text("weight")
        if not name:
            return ()
        if self.binary:
            return (f"Log loss and Brier weigh each row by '{name}'.", "All other figures count each row once.")
        return (
            f"The figures of all test rows weigh each row by '{name}'.",
            "Each bank's own figures count each row once.",
        )

    def partition(self) -> list[Part]:
        """How the rows were parted."""
        found = []
        for held in map(mapping, items(self.summary.get("partition"))):
            remarks = ", ".join(map(clean, items(held.get("remarks"))))
            rows, share, rate = (number(held.get(key)) for key in ("rows", "share", "positive_rate"))
            found.append(Part(clean(held.get("name", "?")), rows, share, rate, remarks))
        return found

    def text(self, key: str) -> str:
        """A text of the summary, or nothing."""
        value = self.summary.get(key)
        return clean(value) if isinstance(value, str) else ""

    def _without(self, figures: str, key: str) -> int:
        """How many banks are not in the pooled figures of one kind, for one reason."""
        held = number(mapping(mapping(self.metrics.get("federated")).get(figures)).get(key))
        return int(held) if isfinite(held) and held > 0 else 0

    def _own(self, name: object, held: Mapping[str, Any]) -> Own:
        gain = mapping(held.get("gain"))
        note = held.get("note")
        return Own(
            name=clean(name),
            rows=number(held.get("rows")),
            positives=number(held.get("positives")),
            federated=self._figure(held.get(self.joint)),
            local=self._figure(held.get("local")),
            gain=self._figure(held.get("gain")),
            low=number(gain.get("low")),
            high=number(gain.get("high")),
            note=clean(note) if isinstance(note, str) else "",
        )

    def _figure(self, value: object) -> float:
        held = mapping(value)
        return number(held.get(self.measure, held.get("value"))) if held else number(value)
