"""How a run shows that it moves: a bar with the time left and the last figure; plain lines without a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, final

from hansa.cli.talk import stderr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import TaskID

    from hansa.core.job import At, Job
    from hansa.core.plan import Keep

SAID = {"prepare": "agreeing on the columns", "evaluate": "opening the sealed test"}
FIRST = ("validation_log_loss", "validation_mse", "validation_brier", "train_loss")
LINES = 10


@final
class Watch:
    """Follows a job through its `Keep`s; a context that is closed when the run ends."""

    def __init__(self, job: Job) -> None:
        """Take the job, whose steps tell how far there is to go."""
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        self.steps = job.steps
        self.console = stderr()
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figure]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.tasks: dict[int, TaskID] = {}
        self.told: tuple[int, int] = (-1, 0)
        self.last: dict[int, Any] = {}

    def __enter__(self) -> Watch:
        """Begin with the first step."""
        self.bar.start()
        self._step(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bar as it stands."""
        self.bar.stop()

    def __call__(self, keep: Keep[At]) -> None:
        """Show how far the job is."""
        number = keep.state.step
        for earlier in [n for n in self.tasks if n < number]:
            self.bar.update(self.tasks[earlier], total=1, completed=1)
            self._end(earlier)
        if number >= len(self.steps):
            return
        self._step(number)
        total, done = _total(self.steps[number]), int(getattr(keep.state.state, "round", 0))
        figure = _figure(keep.measures)
        self.last[number] = keep.state.state
        self.bar.update(self.tasks[number], total=total, completed=done, figure=figure)
        if total and done and not self.console.is_terminal:
            self._line(number, done, total, figure)

    def _step(self, number: int) -> None:
        """Begin a step's bar, unless it is there."""
        if number in self.tasks:
            return
        title = self.steps[number].title
        self.tasks[number] = self.bar.add_task(SAID.get(title, title), total=_total(self.steps[number]), figure="")
        if not self.console.is_terminal and title in SAID:
            self.console.print(SAID[title], soft_wrap=True)

    def _end(self, number: int) -> None:
        """Say, once, that a step's rounds stopped early, and which one was kept."""
        state, total = self.last.pop(number, None), _total(self.steps[number])
        done = int(getattr(state, "round", 0))
        if total and 0 < done < total:
            why = "validation no longer improved" if _tired(self.steps[number], state) else "the time was up"
            kept = int(getattr(state, "best_round", 0)) or done
            self.console.print(
                f"stopped early, after round {done} of {total}: {why}; round {kept} is kept", soft_wrap=True
            )

    def _line(self, number: int, done: int, total: int, figure: str) -> None:
        """Write a line, about LINES times a step."""
        share = done * LINES // total
        if self.told[0] != number or share > self.told[1]:
            self.told = (number, share)
            self.console.print(f"round {done} of {total}  {figure}".rstrip(), soft_wrap=True)


def _total(step: Any) -> int | None:
    """How many rounds a step has; None where that is not known."""
    return getattr(step, "rounds", None)


def _tired(step: Any, state: Any) -> bool:
    """Whether rounds ended because checks on validation brought nothing new."""
    return bool(step.patience) and state.stale >= step.patience


def _figure(measures: Mapping[str, float]) -> str:
    """The figure that tells most, in words."""
    name = next((name for name in FIRST if name in measures), None)
    return "" if name is None else f"{name.replace('_', ' ')} {measures[name]:.4f}"
