"""Write `golden/optbinning.json`: what optbinning finds in the pre-bins of real columns, for `test_optimal.py`.

It runs in an environment of its own, for optbinning brings a solver that nothing here needs:

    python -m venv .optbinning && .optbinning/bin/pip install optbinning==1.0.0
    .optbinning/bin/python tests/horizontal/optbinning_figures.py uci_default_credit.csv.gz german_credit.csv.gz
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

TRENDS = ("ascending", "descending", "peak", "valley", None)
LIMITS = ({"max_n_bins": 5, "min_bin_size": 0.05}, {"max_n_bins": 8, "min_bin_size": 0.02, "min_event_rate_diff": 0.01})
COLUMNS = {
    "LIMIT_BAL": "default.payment.next.month",
    "AGE": "default.payment.next.month",
    "PAY_0": "default.payment.next.month",
    "PAY_AMT1": "default.payment.next.month",
    "duration_in_month": "creditability",
    "credit_amount": "creditability",
    "age_in_years": "creditability",
}


def figures(name, x, y):
    """Pre-bins at the twentieths of a column, and the information value that optbinning makes of them."""
    from optbinning import OptimalBinning  # where this file is run, and nowhere else

    edges = np.unique(np.quantile(x, np.linspace(0.05, 0.95, 19), method="inverted_cdf"))
    edges = edges[edges < x.max()]
    place = np.searchsorted(edges, x)
    event = np.bincount(place, y, minlength=len(edges) + 1)
    nonevent = np.bincount(place, minlength=len(edges) + 1) - event
    for trend in TRENDS:
        for limits in LIMITS:
            found = OptimalBinning(
                name, user_splits=np.nextafter(edges, np.inf), monotonic_trend=trend, min_bin_n_event=1, **limits
            ).fit(x, y)
            table = found.binning_table
            table.build()
            yield {
                "column": name,
                "monotonic_trend": trend or "none",
                **limits,
                "status": found.status,
                "iv": table.iv,
                "bins": len(found.splits) + 1,
                "nonevent": nonevent.tolist(),
                "event": event.tolist(),
            }


def main():
    """Read the files that the command line names."""
    told = []
    for file in sys.argv[1:]:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        for name, target in COLUMNS.items():
            if name in rows[0]:
                x = np.array([float(row[name]) for row in rows])
                y = np.array([row[target] in {"1", "bad"} for row in rows]).astype(float)
                told += figures(name, x, y)
    place = Path(__file__).parent / "golden" / "optbinning.json"
    lines = ",\n".join(json.dumps(one) for one in told)
    place.write_text(f'{{"optbinning": "{version("optbinning")}", "figures": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
