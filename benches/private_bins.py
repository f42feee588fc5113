"""What private bins cost on real data: uci_default, five banks, epsilon by record for the preparation; docs/privacy.md.

    python benches/private_bins.py --data PATH/TO/shared/data --json bins.json

Two models on the 6,000 published test rows: an exact regression on weights of evidence, and logistic regression on
one-hot quantile bins. Each learns from bins that are found without noise, and from bins that are found with as much
noise as makes the preparation, alone, worth an epsilon; the models themselves are not private here. Settings are the
example job's, and were not changed for any epsilon. A figure is the mean over seeds of noise, least and largest beside.
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
from hansa.horizontal.glm import Glm
from hansa.horizontal.prepare import Prepare
from hansa.privacy.accounting import noise_for
from hansa.running.scenario import read_job
from hansa.running.verb import run

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.core.step import Step

JOBS: Final = Path(__file__).parents[1] / "examples" / "jobs"
EPSILONS: Final = (None, 4.0, 1.0, 0.5)
DROP: Final = ("SEX", "MARRIAGE", "AGE")


def steps_of(model: str, noise: float) -> tuple[Step, ...]:
    """The job's steps: its columns are prepared with this noise multiplier, and all else is as it is."""
    if model == "weights of evidence":
        return (Binning(drop=DROP, noise_multiplier=noise), Glm(), Evaluate(compare=False))
    rounds = read_job(JOBS / "uci_default_logistic.toml", {}).job.steps[1]
    return (Prepare(numeric="bins", drop=DROP, noise_multiplier=noise), rounds, Evaluate(compare=False))


def auc_of(job: Job, parties: tuple[Party, ...]) -> float:
    """The federated model's AUC on the test rows."""
    return float(run(job, on=Simulation(parties, workers=1), baselines=False).metrics["federated"]["auc"])


def measure(data: Path, seeds: int) -> list[dict[str, object]]:
    """A row for each model and epsilon."""
    file = read_job(JOBS / "uci_default_private_woe.toml", {})
    parties = file.scenario.cast(data, file.job).parties
    found: list[dict[str, object]] = []
    for model in ("weights of evidence", "one-hot bins"):
        for epsilon in EPSILONS:
            noise = 0.0 if epsilon is None else noise_for(epsilon=epsilon, steps=1, delta=1e-5)
            job = replace(file.job, steps=steps_of(model, noise))
            aucs = [auc_of(job, parties) for _ in range(1 if epsilon is None else seeds)]
            about = {"model": model, "epsilon": epsilon or "public", "noise_multiplier": noise}
            found.append({**about, "auc": mean(aucs), "least": min(aucs), "most": max(aucs)})
            print(
                f"{model:20} {epsilon or 'public':>6} {mean(aucs):.4f} ({min(aucs):.4f} to {max(aucs):.4f})", flush=True
            )
    return found


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = measure(args.data, args.seeds)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
