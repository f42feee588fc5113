r"""An audit of the noise on what a job's steps count: a party without rows tells noise alone, by their code as it runs.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.data.frames import party
    >>> test = '{use = "evaluate", compare = false, noise_multiplier = 3, noise_mechanism = "geometric"}'
    >>> rows = {"x": range(200), "late": [0, 1] * 100}
    >>> banks = [party(name, rows, target="late") for name in ("bank-a", "bank-b")]
    >>> found = noise_of_steps(Job.from_toml(f'name = "doc"\nsteps = ["rounds", {test}]'), banks)
    >>> found.views[0].verdict, list(found.views[0].figures)
    ('held', ['size', 'shape', 'answers', 'runs'])
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, Final, Protocol, final, runtime_checkable

import numpy as np

from hansa.core.party import Party, inner
from hansa.core.step import Accounted
from hansa.engines.simulation import Simulation
from hansa.errors import HansaError
from hansa.horizontal.rounds import Rounds
from hansa.links import uniform, weighted_mean
from hansa.privacy.attacks.noise import ALARM, apart, scored, shape, spread
from hansa.privacy.events import Gaussian, Laplace
from hansa.running.attacked import Finding, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hansa.core.job import Job
    from hansa.core.message import Answer, Ask, Refusal
    from hansa.core.step import Step
    from hansa.horizontal.noise import Noise

_WITHOUT: Final = 2
_PLAIN: Final = (uniform(), weighted_mean())


@runtime_checkable
class Noisy(Accounted, Protocol):
    """A step that may tell what it counts with noise.

    Example:
        >>> from hansa.horizontal.evaluate import Evaluate
        >>> isinstance(Evaluate(), Noisy), isinstance(Rounds(), Noisy)
        (True, False)
    """

    @property
    def noise(self) -> Noise:
        """The noise of the whole step."""
        ...


@runtime_checkable
class Figured(Protocol):
    """An ask for figures that may hold noise.

    Example:
        >>> from hansa.horizontal.noised_scores import NoisedScores
        >>> isinstance(NoisedScores(np.zeros(2)), Figured)
        True
    """

    @property
    def figures(self) -> int:
        """How many of them a row changes, by at most one each."""
        ...


@final
class Listener:
    """Stands at the door of a party without rows, and notes what it tells as standard normal scores, `[n]` each.

    Example:
        >>> Listener(()).noted
        []
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        """Nothing is noted yet; what a step states of its noise is what its answers are held against."""
        self.noted: list[NDArray[np.float64]] = []
        self._stated = {
            kind: (event, max(step.noise.customer_rows, 1))
            for step in steps
            if isinstance(step, Noisy)
            for kind, events in step.releases().items()
            for event in events
            if isinstance(event, Gaussian | Laplace)
        }

    def admit(self, ask: Ask, job: Job) -> Refusal | None:
        """Let every ask in."""
        del ask, job
        return None

    def release(self, answer: Answer, ask: Ask, job: Job) -> Answer | Refusal:
        """Note figures whose noise is stated, and let them go."""
        del job
        asked = inner(ask)
        if isinstance(asked, Figured) and type(asked) in self._stated:
            event, rows = self._stated[type(asked)]
            told = max((one[0] for one in answer.load.vectors.values()), key=len)  # what else is told is of no rows
            if isinstance(event, Laplace):
                self.noted.append(scored(told, event.scale * rows * asked.figures, "geometric"))
            else:
                self.noted.append(scored(told, event.noise_multiplier * rows * sqrt(asked.figures), "gaussian"))
        return answer


def noise_of_steps(job: Job, parties: Sequence[Party]) -> Finding:
    """Hold the noise on what a job's steps count against what they state: its size and shape, and fresh each time."""
    title = "The noise on what steps count"
    told = f"Parties without rows beside the others tell noise alone; an alarm is a chance below {ALARM:g}."
    if not any(isinstance(step, Noisy) and step.noise.multiplier for step in job.steps):
        return Finding("noise", title, "No step tells counts with noise: nothing can be held against it.")
    try:
        one, other = (_told(job, parties) for _ in range(2))
    except HansaError as error:  # with so much noise a job may find nothing to learn from
        return Finding("noise", title, f"The job does not run beside parties without rows. {error}")
    both = np.concatenate([*one, *other])
    figures = {"size": spread(both, 1.0), "shape": shape(both, 1.0)}
    for name, pairs in (("answers", pairwise(one)), ("runs", zip(one, other, strict=True))):
        figures[name] = min(apart(first[: len(second)], second[: len(first)]) for first, second in pairs)
    odd = [name for name, chance in figures.items() if chance < ALARM]
    said = f"Not as stated: {', '.join(odd)}." if odd else f"As stated: {', '.join(figures)}."
    silent = {"size": spread(np.zeros(len(both)), 1.0)}  # no noise at all is noticed
    return Finding("noise", title, told, silent, (View("coordinator", "found" if odd else "held", said, figures),))


def _told(job: Job, parties: Sequence[Party]) -> list[NDArray[np.float64]]:
    """What parties without rows tell in one run, with a single round in place of all of them; as normal scores."""
    steps = tuple(
        Rounds(one.trainer, one.local, _PLAIN, rounds=1, check_every=0, start=one.start)
        if isinstance(one, Rounds)
        else one
        for one in job.steps
    )
    listener = Listener(steps)
    bare = {name: table.take([]) for name, table in parties[0].tables.items()}
    without = [Party(f"without rows {place}", bare, (listener,)) for place in range(_WITHOUT)]
    quick = replace(job, steps=steps, min_rows=1, min_cell=1)
    with Simulation([*parties, *without], workers=1).session(quick) as session:
        session.run()
    return listener.noted
