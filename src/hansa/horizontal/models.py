"""What a job ends in, whichever step has found it: a trainer that scores rows, its parameters, and a preparation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hansa.core.step import Done, Step
from hansa.errors import JobError
from hansa.horizontal.prepared import Prepared
from hansa.horizontal.rounds import Learning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.trainer import Trainer


@runtime_checkable
class Modelling(Step, Protocol):
    """A step that ends in a model."""

    @property
    def trainer(self) -> Trainer:
        """What scores a row, given parameters."""
        ...

    def alone(self, *, first: bool = True) -> Step:
        """The same step for one party by itself; `first`: no earlier one has begun a model."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """A result that is a model, said as a trainer's parameters."""

    def reads(self, prepared: Prepared | None) -> Prepared | None:
        """The part of the preparation that scoring needs."""
        ...

    def learning(self, prepared: Prepared | None) -> Learning:
        """The parameters over all columns that this preparation makes."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A result that is, or holds, a preparation of columns."""

    @property
    def prepared(self) -> Prepared:
        """The preparation."""
        ...


def prepared_in(done: Done) -> Prepared | None:
    """The preparation that the parties have taken, made by Prepare or by a binning; None where there was none.

    Example:
        >>> prepared_in(Done((Prepared(()), "glm"))).width, prepared_in(Done()) is None
        (0, True)
    """
    for result in reversed(done.results):
        if isinstance(result, Prepared):
            return result
        if isinstance(result, Preparing):
            return result.prepared
    return None


def learned_in(done: Done, prepared: Prepared | None) -> Learning:
    """The latest model, as parameters over the columns of this preparation.

    Raises:
        JobError: no step has found a model.
        ConfigError: the model cannot score by this preparation.

    Example:
        >>> import numpy as np
        >>> learned_in(Done((Learning(1, np.zeros(2)),)), None).width
        1
    """
    for result in reversed(done.results):
        if isinstance(result, Learning):
            return result
        if isinstance(result, Scorer):
            return result.learning(prepared)
    raise JobError("No earlier step gives a model.", mend="Put rounds or glm before this step.")


def made_by(steps: Sequence[Step], done: Done) -> Modelling | None:
    """The last of these steps that has made a model; None where there is none yet.

    Example:
        >>> made_by([], Done()) is None
        True
    """
    pairs = zip(steps, done.results, strict=False)  # a job that was ended has not come to its last steps
    made = [step for step, found in pairs if isinstance(step, Modelling) and isinstance(found, Learning | Scorer)]
    return made[-1] if made else None


def read_by(done: Done, prepared: Prepared | None) -> Prepared | None:
    """The part of a preparation that the latest model reads.

    Example:
        >>> read_by(Done(), None) is None
        True
    """
    found = next((one for one in reversed(done.results) if isinstance(one, Learning | Scorer)), None)
    return found.reads(prepared) if isinstance(found, Scorer) else prepared
