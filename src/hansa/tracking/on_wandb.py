"""Weights & Biases, offline too; the only room of wandb."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from hansa.extras import need
from hansa.tracking.about import figures

if TYPE_CHECKING:
    from hansa.tracking.about import About
    from hansa.tracking.log import Entry


@final
class WandB:
    """Sends each run to a project of Weights & Biases, or keeps it on disk where WANDB_MODE is `offline`.

    The run's id follows from its name, so that one that goes on, or is told again, is the same run there. Only what
    hansa tells goes out: no console, code, git state, host, list of packages or machine statistics, and no error report
    unless WANDB_ERROR_REPORTING asks for it. `folder`: where its files lie; WANDB_DIR or `./wandb` if empty.

    Raises:
        ConfigError: wandb is not installed (extra `wandb`).

    Example:
        >>> WandB("credit").project
        'credit'
    """

    def __init__(self, project: str, folder: str | Path = "") -> None:
        """Take the project's name."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when wandb is imported
        self.library = need("wandb")
        self.project, self.folder = project, str(folder) or None
        self.run: Any = None
        self.step = 0

    def start(self, run: About) -> None:
        """Open the run."""
        quiet = self.library.Settings(
            console="off",
            disable_git=True,
            host="",
            quiet=True,
            save_code=False,
            silent=True,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        self.run = self.library.init(
            project=self.project,
            id=sha256(run.run.encode()).hexdigest()[:16],
            name=run.run,
            group=run.job,
            config={"job_digest": run.digest, **run.settings},
            dir=self.folder,
            reinit="create_new",  # a run that the user has open stays as it is
            resume="allow",
            settings=quiet,
        )
        self.run.define_metric("*", step_metric="round")
        self.step = 0

    def log(self, entry: Entry) -> None:
        """Log the measures of an entry over its round; the n-th entry is always the n-th step."""
        self.step += 1
        if entry.measures:
            named = {f"{entry.title}/{name}": value for name, value in entry.measures.items()}
            self.run.log({"round": entry.round, "_timestamp": entry.at, **named}, step=self.step)

    def finish(self, result: Mapping[str, Any] | None) -> None:
        """Note the figures of the result in the run's summary and close it."""
        self.run.summary.update({f"result/{name}": value for name, value in figures(result or {}).items()})
        self.run.finish(exit_code=0 if result is not None else 1)
