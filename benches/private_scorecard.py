"""What a private scorecard costs on real data: uci_default, five banks, one epsilon by record; docs/privacy.md.

    python benches/private_scorecard.py --data PATH/TO/shared/data --json scorecard.json

The example job with as much more or less noise in each step as makes all that it releases worth an epsilon; nothing
else was changed for any. A figure is the mean over draws of the noise, least and largest beside: noise comes from the
operating system, so that no seed repeats it. Beside it the job without noise, and the exact card of selected columns.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Final

from hansa.engines.simulation import Simulation
from hansa.horizontal.binning import Binning
from hansa.horizontal.evaluate import Evaluate
from hansa.horizontal.rounds import Rounds
from hansa.horizontal.scorecard import MakeCard
from hansa.links import private_sgd
from hansa.privacy.accounting import noise_for
from hansa.running.privacy import privacy
from hansa.running.scenario import read_job
from hansa.running.verb import run

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.core.step import Step

JOBS: Final = Path(__file__).parents[1] / "examples" / "jobs"
PRIVATE: Final = JOBS / "uci_default_private_scorecard.toml"
EXACT: Final = JOBS / "uci_default_scorecard.toml"
EPSILONS: Final = (4.0, 2.0, 1.0)
STATED: Final = 2.0
"""The epsilon of the example job."""


def scaled(job: Job, times: float) -> Job:
    """The job with so many times its noise in each step."""

    def more(step: Step) -> Step:
        if isinstance(step, Rounds):
            links = (
                replace(link, noise_multiplier=times * link.noise_multiplier) if isinstance(link, private_sgd) else link
                for link in step.chain
            )
            return replace(step, chain=tuple(links))
        if isinstance(step, Binning | MakeCard | Evaluate):
            return replace(step, noise_multiplier=times * step.noise_multiplier)
        return step

    return replace(job, steps=tuple(map(more, job.steps)))


def figures_of(job: Job, parties: tuple[Party, ...]) -> dict[str, float]:
    """AUC of the card on the test rows, AUC as it is published, log loss, and how many characteristics there are."""
    result = run(job, on=Simulation(parties, workers=1), baselines=False)
    found, card = result.metrics["federated"], result.model.card
    if card is None:
        raise SystemExit("The job made no scorecard.")
    told = {"auc": found["auc"], "published": found["counts"]["auc"], "log_loss": found["log_loss"]}
    return {**told, "characteristics": float(len(card.columns))}


def measure(data: Path, draws: int) -> list[dict[str, object]]:
    """A row for each epsilon, and for both jobs without noise."""
    found: list[dict[str, object]] = []
    private, exact = read_job(PRIVATE, {}), read_job(EXACT, {})
    if private.scenario is None or exact.scenario is None:
        raise SystemExit("The jobs name no data.")
    stated = noise_for(epsilon=STATED, steps=1, delta=1e-5)
    times = {f"epsilon {one:g}": noise_for(epsilon=one, steps=1, delta=1e-5) / stated for one in EPSILONS}
    jobs = {name: scaled(private.job, ratio) for name, ratio in times.items()} | {"no noise": scaled(private.job, 0.0)}
    for name, job in {**jobs, "exact, selected": exact.job}.items():
        file = exact if job is exact.job else private
        parties = file.scenario.cast(data, job).parties
        noisy = name in times
        drawn = [figures_of(job, parties) for _ in range(draws if noisy else 1)]
        row: dict[str, object] = {"job": name, "stated": privacy(job)["epsilon"], "draws": len(drawn)}
        for word in drawn[0]:
            each = [one[word] for one in drawn]
            row[word] = {"mean": mean(each), "least": min(each), "most": max(each)}
        found.append(row)
        print(name, row["stated"], *(f"{word} {one}" for word, one in row.items() if isinstance(one, dict)), flush=True)
    return found


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = measure(args.data, args.draws)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
