"""What a trainer is: it begins, fits on one party's rows, and predicts.

`ManyTrainer` fits a stack of parties as one program. A stack gives each party the same bits as it would get alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from inspect import signature
from math import ceil, cos, pi
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, TypeVar, final, runtime_checkable

from hansa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from hansa.core.draws import Draws
    from hansa.core.load import Load
    from hansa.core.pytree import Params

T = TypeVar("T")
Honour: TypeAlias = Literal["prox", "tilt", "per_record", "mask"]
Start: TypeAlias = Literal["zero", "random"]
Task: TypeAlias = Literal["binary", "multiclass", "regression"]

_LEAST_CLIP: Final = 1e-12
"""Squares of less are too small for float32."""


@final
@dataclass(frozen=True)
class Design:
    """The rows that a trainer learns from: `X [rows, features]`, `y [rows]`, and `weight [rows]` where they differ.

    `X` and `weight` are in the trainer's dtype and contiguous; `y` holds 0/1, class codes 0..k-1, or values. `who`
    numbers each row's customer, `[rows]`, where training protects customers.

    Example:
        >>> import numpy as np
        >>> Design(np.zeros((4, 2)), np.array([0.0, 1.0, 0.0, 1.0])).rows
        4
    """

    X: NDArray[np.floating]
    y: NDArray[np.floating]
    weight: NDArray[np.floating] | None = None
    who: NDArray[np.intp] | None = None

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.y)

    @property
    def mass(self) -> float:
        """What the rows weigh together: their number, or the sum of their weights."""
        return float(self.rows if self.weight is None else self.weight.sum(dtype="float64"))

    @property
    def features(self) -> int:
        """How many columns `X` has."""
        return int(self.X.shape[1])


@final
@dataclass(frozen=True)
class Inputs:
    """What the columns of a design are: their names, and how many codes each takes (0: it is a number), `[features]`.

    A column of `k` codes holds 0 to k - 1, for a table of vectors; neighbours of one text share its name before " [".

    Example:
        >>> inputs = Inputs(("age", "home", "note [0]", "note [1]"), (0, 4, 100, 100))
        >>> inputs.numbers, inputs.codes, inputs.texts
        ((0,), (1,), {'note': (2, 3)})
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    def over(self, features: int) -> Inputs:
        """These, where they are of so many columns; else all are numbers."""
        if len(self.names) == features:
            return self
        return Inputs(tuple(f"x{i}" for i in range(features)), (0,) * features)

    def given_to(self, factory: Callable[..., T]) -> T:
        """What a function makes of these; one that needs nothing is called with nothing."""
        try:
            taken = signature(factory).parameters.values()
        except ValueError:  # a class of another language tells nothing
            return factory()
        needs = any(p.default is p.empty and p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} for p in taken)
        return factory(self) if needs else factory()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The places of numbers."""
        return tuple(i for i, size in enumerate(self.sizes) if not size)

    @property
    def codes(self) -> tuple[int, ...]:
        """The places of single codes."""
        return tuple(i for i, size in enumerate(self.sizes) if size and not self.names[i].endswith("]"))

    @property
    def texts(self) -> Mapping[str, tuple[int, ...]]:
        """The places of each text's words, in their order."""
        found: dict[str, tuple[int, ...]] = {}
        for i, (name, size) in enumerate(zip(self.names, self.sizes, strict=True)):
            if size and name.endswith("]"):
                text = name.rpartition(" [")[0]
                found[text] = (*found.get(text, ()), i)
        return found


@final
@dataclass(frozen=True)
class Private:
    """What differentially private training does at each step: sample, clip, add noise, divide by a constant.

    Each `unit` (a record, or all records of a customer) is in a step's batch with chance `sampling`, by itself; its
    gradient is cut to an L2 norm of at most `clip`; Gaussian noise of `noise_multiplier` x `clip` is added to the sum,
    which is then divided by `Local.batch` (Abadi et al. 2016, algorithm 1, with a constant for the size of the batch).

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> Private(clip=1.0, noise_multiplier=1.1, sampling=0.01).steps(Local(epochs=2))
        200
    """

    clip: float
    noise_multiplier: float
    sampling: float
    unit: Literal["record", "customer"] = "record"

    def __post_init__(self) -> None:
        """Check the ranges."""
        within = _LEAST_CLIP <= self.clip < float("inf") and 0 <= self.noise_multiplier < float("inf")
        if not (within and 0 < self.sampling <= 1):
            raise ConfigError(
                f"Private training needs a clip of at least {_LEAST_CLIP:g}, a noise_multiplier of at least 0, and a"
                " sampling rate in (0, 1].",
                f"Got clip={self.clip}, noise_multiplier={self.noise_multiplier}, sampling={self.sampling}.",
            )
        if self.unit not in {"record", "customer"}:
            raise ConfigError(f"Private training protects no '{self.unit}'.", mend="Units: record, customer.")

    def steps(self, local: Local) -> int:
        """How many steps a round takes: those that are said, or 1 / sampling of them an epoch, whatever the rows."""
        return local.steps or ceil((local.epochs or 1) / self.sampling - 1e-9)

    def check(self, local: Local) -> None:
        """Refuse settings that private training cannot honour.

        Raises:
            ConfigError: no constant to divide by, or weights that follow from all of a party's rows.
        """
        if not local.batch:
            raise ConfigError(
                "Private training divides by local.batch, and it is 0.",
                "The realised size of a batch would tell who is in it.",
                "Set it to the expected size: sampling times the rows of a typical party.",
            )
        if local.class_weight != "none":
            raise ConfigError(
                'class_weight="balanced" cannot be private.',
                "One row more would change every other row's weight.",
                'Say "none", or give rows weights in a column of their own.',
            )


@final
@dataclass(frozen=True)
class Local:
    """What a party does between receiving the model and answering.

    Either `epochs` or `steps`; `batch = 0` is all rows at once. Each epoch visits every row once in a fresh order, and
    the last batch may be short. The loss is the (weighted) mean over a batch. `schedule` changes the rate from round
    to round: `constant`, `cosine` (to 0 at the last round) or `exponential` (times `decay` each round).
    `class_weight="balanced"` weighs the party's classes to equal shares. `clip_norm` bounds the L2 norm of each step's
    gradient. `prox` (mu of FedProx), `tilt [n, d]` (added to every gradient), `start [n, d]` (instead of the round's
    model) and `private` are set by links, never by a job file.

    Raises:
        ConfigError: a setting outside its range, or both `epochs` and `steps`.

    Example:
        >>> Local(epochs=2, batch=64, learning_rate=0.1, schedule="exponential", decay=0.5).at(1, 10).learning_rate
        0.05
    """

    epochs: int | None = None
    steps: int | None = None
    batch: int = 0
    learning_rate: float = 0.1
    optimizer: Literal["sgd", "momentum", "adam"] = "sgd"
    momentum: float = 0.9
    schedule: Literal["constant", "cosine", "exponential"] = "constant"
    decay: float = 0.99
    class_weight: Literal["none", "balanced"] = "none"
    clip_norm: float | None = None
    prox: float = 0.0
    tilt: NDArray[np.floating] | None = None
    start: NDArray[np.floating] | None = None
    private: Private | None = None

    def __post_init__(self) -> None:
        """Check each setting against its range."""
        if self.epochs is not None and self.steps is not None:
            raise ConfigError("A party cannot count both epochs and steps.", mend="Give one of the two.")
        wrong = [
            name
            for name, ok in (
                ("epochs (at least 1)", self.epochs is None or self.epochs >= 1),
                ("steps (at least 1)", self.steps is None or self.steps >= 1),
                ("batch (0 for all rows, or at least 1)", self.batch >= 0),
                ("learning_rate (above 0)", 0 < self.learning_rate < float("inf")),
                ("momentum (in [0, 1))", 0 <= self.momentum < 1),
                ("decay (in (0, 1])", 0 < self.decay <= 1),
                ("clip_norm (above 0)", self.clip_norm is None or self.clip_norm > 0),
                ("prox (at least 0)", self.prox >= 0),
            )
            if not ok
        ]
        if wrong:
            raise ConfigError(f"Local settings out of range: {', '.join(wrong)}.")

    @property
    def by_links(self) -> bool:
        """Whether anything is set that only a link may set."""
        return bool(self.prox) or any(wish is not None for wish in (self.tilt, self.start, self.private))

    def of(self, place: int) -> Local:
        """One party's part of what links made for a stack."""
        tilt, start = (None if each is None else each[place : place + 1] for each in (self.tilt, self.start))
        return replace(self, tilt=tilt, start=start)

    def by(self, epochs: int, batch: int) -> Local:
        """The same with a trainer's own epochs and batch, where it says any (above 0)."""
        own = replace(self, epochs=epochs, steps=None) if epochs else self
        return replace(own, batch=batch) if batch else own

    def at(self, round_: int, rounds: int) -> Local:
        """The settings of one round (counted from 0) of `rounds`: the schedule applied to the learning rate."""
        if self.schedule == "constant":
            return self
        share = self.decay**round_ if self.schedule == "exponential" else (1 + cos(pi * round_ / max(rounds, 1))) / 2
        return replace(self, learning_rate=max(self.learning_rate * share, 1e-12), schedule="constant")


class Trainer(Protocol):
    """Begins, fits and predicts; frozen data, so that a job can name it.

    `honours` says which of a link's wishes it keeps. A load holds `delta [1, d]` (new parameters less old), `rows [1,
    1]` (the mass of the rows) and `loss [1, 1]` (the received model's loss on the first batch, times that mass: an
    indication).
    """

    def __hash__(self) -> int:
        """Trainers are frozen, so that what is made from their settings can be made once."""
        ...

    @property
    def task(self) -> Task:
        """What is learned: the probability of an event, of several classes, or a value."""
        ...

    @property
    def dtype(self) -> str:
        """The precision of parameters and rows: float32 or float64."""
        ...

    @property
    def honours(self) -> frozenset[Honour]:
        """The wishes of links that `fit` keeps."""
        ...

    def init(self, features: int, start: Start, draws: Draws) -> Params:
        """The first parameters for this many input columns."""
        ...

    def fit(self, params: Params, data: Design, local: Local, draws: Draws) -> Load:
        """Train on one party's rows and return what changed."""
        ...

    def margin(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The score before any squashing: `[rows]`, or `[rows, classes]` for several classes."""
        ...

    def predict(self, params: Params, X: NDArray[np.floating]) -> NDArray[np.floating]:
        """The probability of the event `[rows]`, of each class `[rows, classes]`, or the value `[rows]`."""
        ...


@runtime_checkable
class ManyTrainer(Trainer, Protocol):
    """A trainer that fits a stack of parties as one program."""

    def fit_many(self, params: Params, data: Sequence[Design], local: Local, draws: Sequence[Draws]) -> Load:
        """Train `n` parties from the same parameters; `delta [n, d]`, each row as `fit` gives it alone."""
        ...


@runtime_checkable
class Reader(Trainer, Protocol):
    """A trainer that treats columns of codes and texts unlike numbers, once it is told which is which."""

    def reading(self, inputs: Inputs) -> Trainer:
        """The same trainer for designs of these columns; raises ConfigError where it has no use for one of them."""
        ...


@runtime_checkable
class Holder(Trainer, Protocol):
    """A trainer that computes with numbers which do not travel: frozen layers."""

    def held(self, features: int) -> str:
        """SHA-256 over them, as hex; empty where there are none."""
        ...


@runtime_checkable
class Chooser(Trainer, Protocol):
    """A trainer that may train a stack of parties in several ways."""

    def how(self, features: int) -> str:
        """Which way it takes, and why, as a sentence."""
        ...


@runtime_checkable
class Exporter(Trainer, Protocol):
    """A trainer whose models other software can score with."""

    def onnx(self, params: Params, features: int) -> bytes:
        """An ONNX file: prepared rows `X [rows, features]` in, what `predict` gives out."""
        ...
