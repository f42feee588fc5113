"""A face over the exact regression, for people who live in notebooks: `GLM(...).fit(parties).summary()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from hansa.core.job import Data, Job
from hansa.data.frames import from_frame
from hansa.data.parts import HashSplit
from hansa.engines.simulation import Simulation
from hansa.errors import DataError
from hansa.horizontal.binning import Binning
from hansa.horizontal.binning_process import BinningProcess
from hansa.horizontal.families import FamilyName, LinkFunction
from hansa.horizontal.glm import Glm
from hansa.horizontal.models import prepared_in, read_by
from hansa.horizontal.prepare import Prepare
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.regression import Regression
from hansa.horizontal.selected import Selection
from hansa.horizontal.selection import Select

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hansa.core.link import Link
    from hansa.core.party import Party


def _as_it_is() -> Prepare:
    return Prepare(HashSplit(1.0, 0.0, 0.0), numeric="none")


@final
@dataclass(frozen=True, eq=False)
class GLMResults:
    """A fitted regression with the preparation of its columns: statsmodels' words, and means for new rows.

    `binning`: the binning tables, where columns were binned. `selection`: what was kept of them, where that was asked.

    Example:
        >>> import hansa as hs
        >>> banks = [hs.Party(f"bank-{i}", hs.loan_book(500, seed=i)) for i in range(3)]
        >>> found = GLM(prepare=Binning(keep=("income", "debt_to_income"))).fit(banks)
        >>> found.predict(hs.loan_book(3, seed=8)).shape, len(found.params), found.binning.table("income").iv > 0
        ((3,), 3, True)
    """

    regression: Regression
    prepared: Prepared
    binning: BinningProcess | None = None
    offset: str = ""
    selection: Selection | None = None

    @property
    def params(self) -> dict[str, float]:
        """Coefficients by name."""
        return dict(zip(self.regression.names, self.regression.params.tolist(), strict=True))

    @property
    def bse(self) -> dict[str, float]:
        """Standard errors by name."""
        return dict(zip(self.regression.names, self.regression.bse.tolist(), strict=True))

    @property
    def pvalues(self) -> dict[str, float]:
        """Two-sided p-values by name."""
        return dict(zip(self.regression.names, self.regression.pvalues.tolist(), strict=True))

    def conf_int(self, alpha: float = 0.05) -> dict[str, tuple[float, float]]:
        """Confidence intervals by name, which miss with the chance `alpha`."""
        low, high = self.regression.conf_int(alpha).T.tolist()
        return dict(zip(self.regression.names, zip(low, high, strict=True), strict=True))

    def summary(self) -> str:
        """The page; see `Regression.summary`."""
        return self.regression.summary()

    def predict(self, data: Any) -> NDArray[np.float64]:
        """Means of a frame's rows `[rows]`; the probability of the event for a logistic regression.

        Raises:
            DataError: a column is missing, or the offset has gaps.
        """
        table = from_frame(data)
        offset = table.column(self.offset).floats() if self.offset else None
        if offset is not None and not bool(np.isfinite(offset).all()):
            raise DataError(f"The offset '{self.offset}' has gaps or infinite values.", mend="Leave those rows out.")
        return self.regression.predict(self.prepared.transform(table), self.prepared.names, offset)


@final
@dataclass(frozen=True)
class GLM:
    """An exact federated regression in simulation: what statsmodels would give on pooled rows, with its errors.

    Settings are those of `Glm`. `prepare`: how columns become numbers; by default numbers in their own units and a
    column for each level of a category, all rows training. `Binning(...)` regresses on weights of evidence.
    `selection`: which of them are kept. `positive`: the label of a target in words that is the event.

    Example:
        >>> GLM("poisson", offset="exposure").to_job().steps[1].family
        'poisson'
    """

    family: FamilyName = "logistic"
    link_function: LinkFunction = "default"
    power: float = 1.5
    drop: tuple[str, ...] = ()
    offset: str = ""
    cluster: str = ""
    ridge: float = 0.0
    firth: bool = False
    prepare: Prepare | Binning = field(default_factory=_as_it_is)
    positive: str = ""
    selection: Select | None = None
    sums: Link | None = None

    def to_job(self) -> Job:
        """The job that `fit` runs."""
        step = Glm(
            self.family,
            self.link_function,
            self.power,
            drop=self.drop,
            offset=self.offset,
            cluster=self.cluster,
            ridge=self.ridge,
            firth=self.firth,
            sums=self.sums,
        )
        steps = (self.prepare, step) if self.selection is None else (self.prepare, self.selection, step)
        return Job("glm", steps, data=Data(positive=self.positive))

    def fit(self, parties: Sequence[Party], workers: int = 0) -> GLMResults:
        """Regress over the parties in simulation.

        Raises:
            DataError: the outcomes are separated; names the columns.
        """
        with Simulation(parties, workers).session(self.to_job()) as session:
            done = session.run()
        prepared = read_by(done, prepared_in(done)) or Prepared(())
        process, selection = done.find(BinningProcess), done.find(Selection)
        return GLMResults(done.last(Regression), prepared, process, self.offset, selection)
