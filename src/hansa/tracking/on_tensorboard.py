"""TensorBoard: event files that its own page reads; the only room of tensorboardX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from hansa.extras import need
from hansa.tracking.about import figures

if TYPE_CHECKING:
    from hansa.tracking.about import About
    from hansa.tracking.log import Entry


@final
class TensorBoard:
    """Writes each run into a folder of its own under `folder`; see it by `tensorboard --logdir FOLDER`.

    Measures stand over the rounds at the time they were taken, figures of the result under `result/`. A run that goes
    on, or is told again, is written anew.

    Raises:
        ConfigError: tensorboardX is not installed (extra `tensorboard`).

    Example:
        >>> TensorBoard("boards").folder.name
        'boards'
    """

    def __init__(self, folder: str | Path) -> None:
        """Take the folder, made when a run begins."""
        self.library = need("tensorboardX")
        self.folder = Path(folder)
        self.writer: Any = None

    def start(self, run: About) -> None:
        """Open the run's event file, in place of an earlier one, and note its settings."""
        folder = self.folder / run.run
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self.writer = self.library.SummaryWriter(str(folder))
        rows = [("digest", run.digest or "none"), *run.settings.items()]
        lines = ["| setting | value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
        self.writer.add_text("job", "\n".join(lines))

    def log(self, entry: Entry) -> None:
        """Write the measures of an entry."""
        for name, value in entry.measures.items():
            self.writer.add_scalar(f"{entry.title}/{name}", value, entry.round, walltime=entry.at)
        self.writer.flush()

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Write the figures of the result and close."""
        for name, value in figures(result or {}).items():
            self.writer.add_scalar(f"result/{name}", value)
        self.writer.close()
