"""Differentially private training inside each party, as a link: it tells the trainer what to do at every step.

What leaves a party is an update that anybody may read: the noise is in it before the coordinator, or a secure sum, has
it. The training itself stands in `hansa.trainers.private`; this says it to the trainer, and takes away what no noise
covers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, final

from hansa.core.link import Guarantees, Link, Stage
from hansa.core.trainer import Local, Private
from hansa.links.slots import bare
from hansa.privacy.events import Protects, SampledGaussian

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.draws import Draws
    from hansa.core.link import Told
    from hansa.core.load import Load, Vectors


@final
@dataclass(frozen=True)
class private_sgd(Link):
    """Train each party by differentially private descent: Poisson batches, clipped gradients, Gaussian noise.

    At each step a `unit` (a record, or a customer with all its rows) is in the batch with chance `sampling`; its
    gradient is cut to `clip`; noise of `noise_multiplier` x `clip` is added to the sum, which `Local.batch` divides: a
    constant, because the realised size of a batch tells who is in it. A round takes `Local.steps` steps, or 1 /
    `sampling` of them an epoch. Abadi et al. (2016), algorithm 1; Liu et al. (2022) for customers of one institution.

    Samples and noise come from the operating system, as floats of a keystream; what the accountant counts as
    amplification is never drawn from the job's seed. Rows and losses do not leave: parties weigh alike unless a link
    before says their weights, and then those are told as they are.

    Raises:
        ConfigError: a setting outside its range.

    Example:
        >>> link = private_sgd(noise_multiplier=1.1, clip=1.0, sampling=0.01)
        >>> link.before(Local(epochs=1, batch=64), {}, {}).private.steps(Local(epochs=1))
        100
        >>> link.guarantees.wants
        frozenset({'per_record'})
    """

    stage: ClassVar[Stage] = "party"

    noise_multiplier: float
    clip: float = 1.0
    sampling: float = 0.01
    unit: Literal["record", "customer"] = "record"

    def __post_init__(self) -> None:
        """Check the settings as training does."""
        self.settings  # noqa: B018 - making them checks them

    @property
    def settings(self) -> Private:
        """What the trainer is told."""
        return Private(self.clip, self.noise_multiplier, self.sampling, self.unit)

    @property
    def guarantees(self) -> Guarantees:
        """One step's event; the rounds count the steps."""
        event = SampledGaussian(self.sampling, self.noise_multiplier, Protects(self.unit))
        return Guarantees(keeps_bound=True, wants=frozenset({"per_record"}), event=event)

    def before(self, local: Local, told: Told, mine: Vectors) -> Local:
        """Tell the trainer.

        Raises:
            ConfigError: local settings that private training cannot honour.
        """
        self.settings.check(local)
        return replace(local, private=self.settings)

    def apply(self, load: Load, told: Told, mine: Vectors, draws: Sequence[Draws]) -> tuple[Load, Vectors]:
        """Take away what no noise covers: the number of rows, and their loss."""
        return bare(load), mine
