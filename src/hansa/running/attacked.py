"""What attacks on a job have found, as values: for a page, and for whoever reads JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hansa.privacy.events import Against

Verdict: TypeAlias = Literal["found", "held", "nothing"]


@final
@dataclass(frozen=True)
class View:
    """What an attack does to the job's own chain, for whoever sees what the `coordinator` or what `readers` see.

    Example:
        >>> View("readers", "held", "Members cannot be told from others.", {"auc": 0.5}).verdict
        'held'
    """

    who: Against
    verdict: Verdict
    said: str
    figures: Mapping[str, float]


@final
@dataclass(frozen=True)
class Finding:
    """One attack: what it does without any defence, and what it does to the job; no view where it cannot be tried.

    `without`: its figures on a plain mean, where it must succeed. `said`: what was done, or why there is nothing.

    Example:
        >>> Finding("rows", "Exact rows", "One row in the victim's table.", {"right": 1.0}).verdict
        'nothing'
    """

    attack: str
    title: str
    said: str
    without: Mapping[str, float] = field(default_factory=dict)
    views: tuple[View, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of its views."""
        told = [view.verdict for view in self.views]
        return "found" if "found" in told else "held" if "held" in told else "nothing"


@final
@dataclass(frozen=True)
class Attacked:
    """All attacks on one job: its name, digest and chain, and the epsilon of its rounds (infinity where there is none).

    Example:
        >>> Attacked("scores", "ab", "weighted_mean", float("inf"), 1e-5, ()).summary()["epsilon"] is None
        True
    """

    job: str
    digest: str
    chain: str
    epsilon: float
    delta: float
    findings: tuple[Finding, ...]

    def summary(self) -> dict[str, Any]:
        """All of it as JSON takes it; a figure that is not finite is null."""
        told = asdict(self)
        told["findings"] = [{**asdict(one), "verdict": one.verdict} for one in self.findings]
        plain: dict[str, Any] = _finite(told)
        return plain


def _finite(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _finite(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_finite(value) for value in node]
    return None if isinstance(node, float) and not isfinite(node) else node
