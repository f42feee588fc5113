"""What private bins cost on real data: uci_default, five banks, epsilon by record for the preparation; docs/privacy.md.

    python benches/private_bins.py --data PATH/TO/shared/data --json bins.json

Two models on the 6,000 published test rows: an exact regression on weights of evidence, and logistic regression on
one-hot quantile bins. Each learns from bins that are found without noise, and from bins that are found with as much
noise, of either mechanism, as makes the preparation, alone, worth an epsilon; the models themselves are not private
here. Then the test of one model is told with noise alone: how far the AUC and the line of calibration that are
published lie from those of the rows. Settings are the example job's, and were not changed for any epsilon. A figure is
the mean over seeds of noise, least and largest beside.
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
from hansa.horizontal.noise import Noise
from hansa.horizontal.prepare import Prepare
from hansa.privacy.accounting import noise_for
from hansa.running.scenario import read_job
from hansa.running.verb import run

if TYPE_CHECKING:
    from hansa.core.job import Job
    from hansa.core.party import Party
    from hansa.core.step import Step
    from hansa.privacy.sampling import Mechanism

JOBS: Final = Path(__file__).parents[1] / "examples" / "jobs"
EPSILONS: Final = (4.0, 1.0, 0.5)
MECHANISMS: Final[tuple[Mechanism, ...]] = ("gaussian", "geometric")
DROP: Final = ("SEX", "MARRIAGE", "AGE")


def steps_of(model: str, noise: Noise) -> tuple[Step, ...]:
    """The job's steps: its columns are prepared with this noise, and all else is as it is."""
    told = {"noise_multiplier": noise.multiplier, "noise_mechanism": noise.mechanism}
    if model == "weights of evidence":
        return (Binning(drop=DROP, **told), Glm(), Evaluate(compare=False))
    if model == "test alone":
        return (Binning(drop=DROP), Glm(), Evaluate(compare=False, **told))
    rounds = read_job(JOBS / "uci_default_logistic.toml", {}).job.steps[1]
    return (Prepare(numeric="bins", drop=DROP, **told), rounds, Evaluate(compare=False))


def noise_of(epsilon: float, mechanism: Mechanism) -> Noise:
    """As much noise as costs this: at delta 1e-5 for the Gaussian one, at 0 for the other."""
    multiplier = noise_for(epsilon=epsilon, steps=1, delta=1e-5) if mechanism == "gaussian" else 1 / epsilon
    return Noise(multiplier, mechanism=mechanism)


def figures_of(model: str, job: Job, parties: tuple[Party, ...]) -> dict[str, float]:
    """The federated model's AUC on the test rows; or how far what is told of it lies from that, and of calibration."""
    told = run(job, on=Simulation(parties, workers=1), baselines=False).metrics["federated"]
    if model != "test alone":
        return {"auc": float(told["auc"])}
    return {"auc off": abs(told["counts"]["auc"] - told["auc"]), "slope": told["counts"]["calibration"]["slope"]}


def measure(data: Path, seeds: int) -> list[dict[str, object]]:
    """A row for each model, epsilon and mechanism."""
    file = read_job(JOBS / "uci_default_private_woe.toml", {})
    parties = file.scenario.cast(data, file.job).parties
    noises = [("public", Noise(0.0)), *((one, noise_of(one, how)) for one in EPSILONS for how in MECHANISMS)]
    found: list[dict[str, object]] = []
    for model in ("weights of evidence", "one-hot bins", "test alone"):
        for epsilon, noise in noises:
            job = replace(file.job, steps=steps_of(model, noise))
            runs = [figures_of(model, job, parties) for _ in range(seeds if noise.multiplier else 1)]
            about = {"model": model, "epsilon": epsilon, "noise": noise.mechanism, "noise_multiplier": noise.multiplier}
            for name in runs[0]:
                each = [one[name] for one in runs]
                found.append({**about, "figure": name, "mean": mean(each), "least": min(each), "most": max(each)})
                how = f"{model:20} {epsilon:>6} {noise.mechanism:10} {name:8}"
                print(f"{how} {mean(each):.4f} ({min(each):.4f} to {max(each):.4f})", flush=True)
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
