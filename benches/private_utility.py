"""What privacy costs on real data: uci_default, five banks, epsilon by record and by institution; docs/privacy.md.

    python benches/private_utility.py --data PATH/TO/shared/data --json utility.json --picture docs/pictures/utility.svg

Each figure is the AUC on the 6,000 published test rows, less that of the converged model without privacy on pooled rows
and the same bins; a mean over runs, whose noise and first parameters differ. Settings were chosen on validation
rows of another seed, once for all epsilon. The job is examples/jobs/uci_default_private.toml, changed as told here.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, Final

from hansa.engines.simulation import Simulation
from hansa.privacy.accounting import noise_for
from hansa.report.svg import Axis, label, line, marker, path, picture, tag
from hansa.running.scenario import read_job
from hansa.running.verb import run

if TYPE_CHECKING:
    from hansa.core.party import Party

JOB: Final = Path(__file__).parents[1] / "examples" / "jobs" / "uci_default_private.toml"
EPSILONS: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
DELTA: Final = 1e-5
ROUNDS: Final = {"logistic": 40, "tabular": 80}
CLIPS: Final = {"logistic": 1.0, "tabular": 2.0}
TABULAR: Final = {"use": "tabular", "hidden": [8]}
BY_LIMIT: Final = {"use": "by_column", "column": "LIMIT_BAL", "bins": 5}
EVEN: Final = {"use": "iid", "k": 50}
MOVES: Final = {"logistic": {"use": "adam", "learning_rate": 0.05}, "tabular": {"use": "adam", "learning_rate": 0.03}}
Changes = Mapping[str, Any]


def records(model: str, epsilon: float) -> Changes:
    """Private training inside each bank."""
    noise = noise_for(epsilon=epsilon, steps=ROUNDS[model], delta=DELTA)
    private = {"use": "private_sgd", "noise_multiplier": noise, "clip": CLIPS[model], "sampling": 1.0}
    chain = [private, "weighted_mean", MOVES[model]]
    return {**_trainer(model), "steps.1.rounds": ROUNDS[model], "steps.1.chain": chain}


def institutions(banks: int, rounds: int = 3) -> Callable[[str, float], Changes]:
    """Noise on the sum, at a coordinator who is trusted."""

    def changes(model: str, epsilon: float) -> Changes:
        noise = {"use": "gaussian_noise", "noise_multiplier": noise_for(epsilon=epsilon, steps=rounds, delta=DELTA)}
        return _of_banks(model, banks, rounds, ["weighted_mean", noise])

    return changes


def distributed(banks: int, rounds: int = 3) -> Callable[[str, float], Changes]:
    """Shares of noise inside secure sums, which wait for all: of all banks but one, in league with others."""
    ring: dict[str, Any] = {"bits": 24, "clip": 512.0}

    def changes(model: str, epsilon: float) -> Changes:
        multiplier = noise_for(epsilon=epsilon, steps=rounds, delta=DELTA, accountant="rdp")
        noise = {"use": "distributed_noise", "noise_multiplier": multiplier, "parties": banks - 1, **ring}
        return _of_banks(model, banks, rounds, [noise, {"use": "secure_sum", "weight": 1 << 16, **ring}])

    return changes


def _of_banks(model: str, banks: int, rounds: int, noise: list[Any]) -> Changes:
    return {
        **_trainer(model),
        "steps.1.rounds": rounds,
        "steps.1.local": {"steps": 20, "batch": 0, "learning_rate": 1.0},
        "steps.1.chain": ["uniform", {"use": "clip_l2", "bound": 0.5}, *noise],
        "simulation.partition": BY_LIMIT if banks == 5 else {**EVEN, "k": banks},
    }


def _trainer(model: str) -> Changes:
    return {"steps.1.trainer": TABULAR} if model == "tabular" else {}


def plain(model: str) -> Changes:
    """The same model on the same bins without privacy, to convergence."""
    trainer = {**TABULAR, "l2": 0.001} if model == "tabular" else {"use": "linear", "l2": 0.0003}
    local = {"steps": 1, "batch": 0, "learning_rate": 1.0}
    chain = ["by_examples", "weighted_mean", MOVES[model]]
    return {"steps.1.trainer": trainer, "steps.1.rounds": 400, "steps.1.local": local, "steps.1.chain": chain}


ROWS: Final[Mapping[str, tuple[str, Callable[[str, float], Changes]]]] = {
    "logistic, by record": ("logistic", records),
    "tabular, by record": ("tabular", records),
    "logistic, by institution, 5 banks": ("logistic", institutions(5)),
    "logistic, by institution, 50 banks": ("logistic", institutions(50)),
    "logistic, by institution in shares, 5 banks": ("logistic", distributed(5)),
    "logistic, by institution in shares, 50 banks": ("logistic", distributed(50)),
}


@cache
def cast(data: Path, partition: str) -> tuple[Party, ...]:
    """The banks of a partition, dealt once."""
    file = read_job(JOB, {"simulation.partition": json.loads(partition)})
    return () if file.scenario is None else tuple(file.scenario.cast(data, file.job).parties)


def auc(data: Path, changes: Changes, *, seed: int = 0, central: bool = False) -> float:
    """One run's AUC on the test rows."""
    job = read_job(JOB, {**changes, "seed": seed, "steps.2.compare": central}).job
    banks = cast(data, json.dumps(changes.get("simulation.partition", BY_LIMIT)))
    metrics = run(job, on=Simulation(banks), baselines=central).metrics
    return float(metrics["central" if central else "federated"]["auc"])


def losses(data: Path, name: str, epsilon: float, runs: int) -> list[float]:
    """What privacy takes from the AUC, run by run."""
    model, changes = ROWS[name]
    change = changes(model, epsilon)
    return [baseline(data, model) - auc(data, change, seed=seed) for seed in range(runs)]


@cache
def baseline(data: Path, model: str) -> float:
    """The AUC of the converged model on pooled rows, without privacy."""
    return auc(data, plain(model), central=True)


def drawn(found: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Mean losses over epsilon, both in logarithms."""
    ticks, size, floor = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3), (800.0, 380.0), 330.0
    x = Axis(math.log2(EPSILONS[0]), math.log2(EPSILONS[-1]), 70, 430)
    y = Axis(math.log(ticks[0]), math.log(ticks[-1]), floor, 40)
    parts = [tag("style", _STYLE), tag("rect", width=size[0], height=size[1], fill="#fff")]
    for tick in ticks:
        at = y.at(math.log(tick))
        parts += [line(70, at, 430, at, "grid"), label(62, at + 4, f"{tick:g}", "", "end")]
    parts += [label(x.at(math.log2(e)), 350, f"{e:g}", "", "middle") for e in EPSILONS]
    parts += [label(20, 24, "AUC lost to privacy"), label(250, 371, "epsilon at delta = 1e-5", "", "middle")]
    for place, (name, row) in enumerate(found.items()):
        lost = {math.log2(float(e)): math.log(max(mean(each), ticks[0])) for e, each in row.items()}
        points = [(x.at(e), y.at(value)) for e, value in lost.items()]
        kind, top = f"s{place}", 60 + 24 * place
        parts += [path(points, f"line {kind}"), *(marker("circle", *point, kind, 3.5) for point in points)]
        parts += [line(450, top - 4, 472, top - 4, f"line {kind}"), label(480, top, name)]
    parts.append(label(450, 66 + 24 * len(found), f"Less than {ticks[0]:g} is drawn as {ticks[0]:g}."))
    words = "; ".join(f"{name}: {mean(row['1.0']):.3f} at epsilon 1" for name, row in found.items() if "1.0" in row)
    return picture("What privacy costs", words, size, parts)


_COLOURS: Final = ("#2f855a", "#3056a8", "#b7791f", "#9b2c2c", "#6b46c1", "#52606d")
_STYLE: Final = (
    "svg{font:13px system-ui,sans-serif} text{fill:#1f2933} .grid{stroke:#d8dee6} .line{fill:none}"
    + "".join(
        f" .line.s{i}{{stroke:{c};stroke-width:2}} circle.s{i},.s{i} circle{{fill:{c}}}" for i, c in enumerate(_COLOURS)
    )
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--picture", type=Path)
    arguments.add_argument("--from-json", type=Path, help="draw what an earlier run has found")
    arguments.add_argument("--runs", type=int, default=10)
    arguments.add_argument("--only", choices=ROWS, action="append")
    given = arguments.parse_args()
    if given.from_json:
        told = json.loads(given.from_json.read_text())
    else:
        told = {"baseline": {model: baseline(given.data, model) for model in MOVES}, "lost": {}}
        print(told, flush=True)
        for name in given.only or ROWS:
            row = told["lost"][name] = {}
            for epsilon in EPSILONS:
                row[str(epsilon)] = losses(given.data, name, epsilon, given.runs)
                print(name, epsilon, f"{mean(row[str(epsilon)]):.4f}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(told, indent=2) + "\n")
    if given.picture:
        given.picture.write_text(drawn(told["lost"]) + "\n")


if __name__ == "__main__":
    main()
