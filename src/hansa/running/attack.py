r"""`attack(job, parties)`: what can be found out from what a job's rounds release, tried in simulation.

Example:
    >>> from hansa.core.job import Job
    >>> from hansa.data.frames import party
    >>> x = np.linspace(-1, 1, 200)
    >>> banks = [party(name, {"x": x, "late": (x > 0).astype(int)}, target="late") for name in ("a", "b", "c")]
    >>> job = Job.from_toml('name = "doc"\nsteps = ["prepare", {use = "rounds", local = {steps = 1}}]')
    >>> found = attack(job, banks, only=("rows",))
    >>> found.findings[0].without["right"], found.findings[0].verdict
    (1.0, 'found')
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from hansa.core.trainer import Design
from hansa.engines.simulation import Simulation
from hansa.errors import ConfigError, DataError, PartyFailed, nearest
from hansa.horizontal.columns import OneHot
from hansa.horizontal.design import design_of, prepared_of
from hansa.horizontal.rounds import Rounds
from hansa.privacy.attacks.inversion import Known
from hansa.running.attacked import Attacked, Finding
from hansa.running.audits import noise_itself, one_run
from hansa.running.leaks import exact_rows, inverted_rows, members
from hansa.running.noised_steps import Noisy, noise_of_steps
from hansa.running.privacy import DELTA
from hansa.running.probes import probe_of
from hansa.running.result import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.horizontal.prepared import Prepared

ATTACKS: Final = ("rows", "inversion", "membership", "audit", "noise")
_MOST: Final = 5000  # rows are enough to draw from
_LEAST: Final = 40
_VALUES: Final = 1000  # of rows that are recovered, over all trials
_INVERTED: Final = 6


def attack(job: Job, parties: Sequence[Party], only: Sequence[str] = ATTACKS) -> Attacked:
    """Attack a job's rounds on its own parties' prepared rows; `only` some of `ATTACKS`.

    Raises:
        ConfigError: the job has no rounds, or there is no such attack.
        DataError: the parties' training rows are too few to attack.
    """
    for name in only:
        if name not in ATTACKS:
            raise ConfigError(f"There is no attack '{name}'.", mend=nearest(name, ATTACKS))
    probe = probe_of(job)
    rows, known = _prepared_rows(job, parties)
    trials = min(max(10, -(-_VALUES // rows.features)), 200)

    def one(name: str) -> Finding:
        if name == "rows":
            return exact_rows(probe, rows, known, trials)
        if name == "inversion":
            return inverted_rows(probe, rows, known, _INVERTED)
        if name == "membership":
            return members(probe, rows)
        return one_run(probe) if name == "audit" else noise_itself(probe)

    def tried(name: str) -> Finding:
        try:
            return one(name)
        except PartyFailed as error:  # under so much noise, or so few rows, training itself may come to nothing
            return Finding(name, name.capitalize(), f"Training failed under attack, so nothing was found. {error}")

    findings = tuple(tried(name) for name in only)
    if "noise" in only and any(isinstance(step, Noisy) and step.noise.multiplier for step in job.steps):
        findings += (noise_of_steps(job, parties),)
    chain = " -> ".join(link.sentence() for link in probe.chain)
    claimed = probe.claimed(probe.local, probe.rounds)
    return Attacked(job.name, str(digest_of(job)), chain, claimed, DELTA, findings)


def _prepared_rows(job: Job, parties: Sequence[Party]) -> tuple[Design, Known]:
    """All parties' training rows as the rounds take them, in an order of the job's seed; and which places are codes."""
    before = job.steps[: max(place for place, step in enumerate(job.steps) if isinstance(step, Rounds))]
    trainer = probe_of(job).trainer
    with Simulation(parties, workers=1).session(replace(job, steps=before or job.steps)) as session:
        if before:
            session.run()
        memories = session.memories()
        designs = [design_of(session.site(name), memories[name], "train", trainer.dtype) for name in memories]
        first = next(iter(memories))
        prepared = prepared_of(session.site(first), memories[first])
    X, y = np.concatenate([one.X for one in designs]), np.concatenate([one.y for one in designs])
    if len(y) < _LEAST:
        raise DataError(
            f"The parties have {len(y)} training rows together.",
            f"Attacks draw from at least {_LEAST}.",
            "Bring more rows.",
        )
    order = np.random.default_rng(job.seed).permutation(len(y))[:_MOST]
    return Design(X[order], y[order]), Known(() if prepared is None else _codes(prepared))


def _codes(prepared: Prepared) -> tuple[tuple[int, ...], ...]:
    """The places of each one-hot column."""
    ends = np.cumsum([len(encoding.names) for encoding in prepared.encodings]).tolist()
    return tuple(
        tuple(range(end - len(encoding.names), end))
        for encoding, end in zip(prepared.encodings, ends, strict=True)
        if isinstance(encoding, OneHot) and len(encoding.names) > 1
    )
