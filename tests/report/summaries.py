"""A made-up but likely run of five banks, as `result.json` holds it, with its history and its score counts."""

from __future__ import annotations

import numpy as np

from hansa.core.metrics import (
    ScoreCounts,
    auc_interval,
    average_precision,
    bin_counts,
    first_edges,
    gini,
    ks,
    merge_small,
    refine,
    score_keys,
    tie_sums,
)

BANKS = (
    ("Nordhaven Savings", 6_412, 471, 0.7688, 0.7481, 0.0207, 0.0094, 0.0320),
    ("Bank of the Two Rivers and the Eastern Provinces", 2_981, 330, 0.7741, 0.7392, 0.0349, 0.0171, 0.0527),
    ("上海浦江城市商业银行", 8_804, 655, 0.7793, 0.7702, 0.0091, 0.0012, 0.0170),
    ("Crédit Agraire", 1_377, 89, 0.7512, 0.7090, 0.0422, 0.0018, 0.0826),
    ("Oakfield Credit Union", 902, 66, 0.7604, 0.7655, -0.0051, -0.0391, 0.0289),
)
LEFT = [
    {
        "what": "counts for quantile bins and categories",
        "to": "coordinator",
        "how_many": "18 asks",
        "protection": "cells below 10 are merged",
    },
    {
        "what": "the model's update, 86 numbers",
        "to": "coordinator",
        "how_many": "40, one a round",
        "protection": "none: the coordinator sees each",
    },
    {"what": "validation loss, as sums", "to": "coordinator", "how_many": 40, "protection": "at least 20 rows"},
    {
        "what": "score counts of the sealed test",
        "to": "coordinator",
        "how_many": 2,
        "protection": "groups of at least 10 rows",
    },
]


def counts(rows=20_476, seed=7, min_cell=1):
    """Score counts of a book with about 8 % defaults."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(-3.0, 1.1, rows)
    label = rng.random(rows) < 1 / (1 + np.exp(-margin))
    keys, edges = score_keys(margin), first_edges()
    if min_cell > 1:
        return merge_small(keys, label, edges, min_cell)
    first = ScoreCounts.exact(edges, bin_counts(keys, label, edges))
    finer = refine(first, tie_sums(keys, label, edges))
    return first if finer is None else ScoreCounts.exact(finer, bin_counts(keys, label, finer))


def history(rounds=40):
    """Losses that fall and level out, one bank missing in two rounds, validation every second round."""
    found = []
    for i in range(1, rounds + 1):
        measures = {"train_loss": 0.232 + 0.4 * 0.82**i}
        if i % 2 == 0:
            measures["validation_log_loss"] = 0.238 + 0.4 * 0.82**i + 0.00001 * max(0, i - 26) ** 2
            measures["validation_brier"] = 0.066
        found.append({"round": i, "counted": 4 if i in {9, 17} else 5, "measures": measures})
    return found


def party(figures):
    """One bank's own book, in the layout of `result.json`."""
    _, rows, positives, federated, local, gain, low, high = figures
    return {
        "rows": rows,
        "positives": positives,
        "federated": {"auc": federated},
        "local": {"auc": local},
        "gain": {"auc": gain, "low": low, "high": high},
        "note": "",
    }


def federated(found):
    """The pooled figures that counts give."""
    area = auc_interval(found)
    held = {name: figure.value for name, figure in (("gini", gini(found)), ("ks", ks(found)))}
    about = {"auc": area.auc, "low": area.low, "high": area.high, "error": area.error, "bins": found.bins, "asks": 2}
    precision = average_precision(found)
    held["average_precision"] = {"value": precision.value, "low": precision.low, "high": precision.high}
    exact = {"low": 0.7618, "high": 0.7870, "se": 0.0064, "level": 0.95, "method": "DeLong"}
    return {"auc": area.auc, "auc_interval": exact, **held, "log_loss": 0.2391, "brier": 0.0663, "counts": about}


def summary():
    """The whole run."""
    pooled = federated(counts())
    auc = pooled["auc"]
    parties = {bank[0]: party(bank) for bank in BANKS}
    parties["Tidewater Microloans"] = {"rows": 14, "note": "too few test rows"}

    def beside(less):
        area = auc - less
        figures = {"gini": 2 * area - 1, "ks": pooled["ks"] - less, "average_precision": 0.241 - less}
        return {"auc": area, **figures, "log_loss": 0.2391 + less / 4, "brier": 0.0663 + less / 20}

    rows = (31_900, 14_870, 44_120, 6_920, 4_480, 71)
    rates = (0.0735, 0.1107, 0.0744, 0.0646, 0.0732, 0.028)
    return {
        "name": "Consumer credit, six banks",
        "measure": "auc",
        "metrics": {
            "federated": pooled,
            "central": beside(-0.0009),
            "ensemble": beside(0.0042),
            "local_mean": beside(0.0288),
            "differences": {
                "federated_minus_central": {"gain": -0.0009, "low": -0.0021, "high": 0.0003, "se": 0.0006},
                "federated_minus_ensemble": {"gain": 0.0042, "low": 0.0019, "high": 0.0065, "se": 0.0012},
            },
            "parties": parties,
        },
        "rounds": 40,
        "best_round": 28,
        "seconds": 8.42,
        "privacy": {
            "epsilon": "infinity",
            "statement": "No differential privacy is claimed: no finite epsilon for the model. No customer row leaves "
            "its owner; updates, sums and counts do, and the coordinator sees each party's.",
        },
        "job_digest": "9f2c4b7e1d" * 6 + "ab12",
        "parameters_sha256": "03d1aa94e7" * 6 + "77fe",
        "fingerprint": {"hansa": "0.1.0", "python": "3.12.4", "numpy": "2.3.1", "machine": "x86_64", "blas_threads": 1},
        "partition": [
            {
                "name": name,
                "rows": n,
                "share": n / sum(rows),
                "positive_rate": rate,
                "remarks": ["tiny"] if n < 100 else [],
            }
            for name, n, rate in zip(parties, rows, rates, strict=True)
        ],
        "chain": "ask everyone -> weights by examples -> weighted mean -> adam(0.1)",
        "steps": ["prepare", "rounds", "evaluate"],
        "left": LEFT,
        "warnings": ["Column 'duration' is known only at the outcome and was left out."],
    }
