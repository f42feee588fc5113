r"""A process of its own that computes for a party at one job: a stop or a heartbeat never waits for training.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.core.party import Party
    >>> from hansa.core.table import Table
    >>> from hansa.horizontal.shape import Shape
    >>> job = Job.from_toml('name = "scores"\nsteps = ["rounds"]')
    >>> bank = Party("bank-a", {"loans": Table.of({"age": [31, 42], "late": [0, 1]}, target="late")})
    >>> trainer = Trainer(job, bank)
    >>> trainer(Work(0, ("bank-a",), (0,), (Shape(),), ({},), (0,))).answers[0].load["width"].tolist()
    [[1.0]]
    >>> trainer.close()
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, final

from hansa.core.work import Outcome, Work
from hansa.engines.crew import Crew
from hansa.errors import JobError, PartyLost

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.party import Party


@final
class Trainer:
    """Computes in one worker process, which begins with the first ask and stays between rounds.

    A process that ends is started again, once for each ask.
    """

    def __init__(self, job: Job, party: Party) -> None:
        """Take the job and the party; nothing runs yet."""
        self.job, self.party = job, party
        self.crew: Crew | None = None
        self.closed = False
        self._busy = Lock()

    def __call__(self, work: Work) -> Outcome:
        """Do the work there.

        Raises:
            PartyLost: it was sent home.
            JobError: its process ended twice over this work.
        """
        with self._busy:
            for _ in range(2):
                try:
                    return self._crew()(work)
                except PartyLost:
                    self._dismiss()
            if self.closed:
                raise PartyLost("The trainer went home.")
            raise JobError(
                "The process that trains has ended twice over one ask.",
                "It may have run out of memory.",
                "Give the node's machine more of it, or ask for a smaller model.",
            )

    def close(self) -> None:
        """Send it home, whatever it does."""
        self.closed = True
        crew = self.crew
        if crew is not None:
            crew.workers[0].process.kill()  # whoever waits for it hears that it is gone
        with self._busy:
            self._dismiss()

    def _crew(self) -> Crew:
        if self.closed:
            raise PartyLost("The trainer went home.")
        if self.crew is None:
            self.crew = Crew(self.job, [self.party], 1)
        return self.crew

    def _dismiss(self) -> None:
        crew, self.crew = self.crew, None
        if crew is not None:
            crew.close()
