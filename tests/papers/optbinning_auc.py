"""Print the AUC of optbinning's bins and a logistic regression on the rows that our jobs on weights of evidence see.

The rows come from our environment, the figures from one of optbinning's own (see `optbinning_figures.py`):

    .venv/bin/python tests/papers/optbinning_auc.py rows PATH/TO/shared/data rows.npz
    .optbinning/bin/python tests/papers/optbinning_auc.py auc rows.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

JOBS = Path(__file__).parents[2] / "examples" / "jobs"
NAMES = ("give_me_some_credit_woe", "uci_default_woe")


def write_rows(data, path):
    """All banks' columns, outcomes and parts."""
    from hansa.core.party import site_of
    from hansa.horizontal.design import parts_of
    from hansa.running.baselines import pooled
    from hansa.running.scenario import read_job

    found = {}
    for name in NAMES:
        file = read_job(JOBS / f"{name}.toml", {})
        table = site_of(pooled(file.job, file.scenario.cast(Path(data), file.job).parties), file.job).table
        names = [n for n in table.features if n not in {"__part__", "SEX", "MARRIAGE", "AGE"}]
        found[f"{name} X"] = np.column_stack([table.column(n).floats() for n in names])
        found[f"{name} y"], found[f"{name} names"] = table.y(), np.array(names, dtype=str)
        found[f"{name} part"] = parts_of(table, file.job.steps[0].split)
    np.savez_compressed(path, **found)


def tell_auc(path):
    """One line for each set, least bin and way to treat 96 and 98; bins that rise or fall, as in our jobs."""
    import pandas as pd
    from optbinning import BinningProcess
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    rows = np.load(path)
    for name in NAMES:
        names, part = [str(n) for n in rows[f"{name} names"]], rows[f"{name} part"]
        X, y = pd.DataFrame(rows[f"{name} X"], columns=names), rows[f"{name} y"].astype(int)
        for least, codes in ((0.01, [96, 98]), (0.05, [96, 98]), (0.05, [])):
            coded = {n: {"special_codes": codes} for n in names if codes and n.startswith("NumberOfTime")}
            rules = {n: {"monotonic_trend": "auto_asc_desc", **coded.get(n, {})} for n in names}
            bins = BinningProcess(names, min_bin_size=least, min_prebin_size=least, binning_fit_params=rules)
            bins.fit(X[part == 0], y[part == 0])
            empirical = {"metric": "woe", "metric_special": "empirical", "metric_missing": "empirical"}
            train, test = (bins.transform(X[part == k], **empirical).to_numpy() for k in (0, 2))
            fitted = LogisticRegression(C=1e6, max_iter=1000).fit(train, y[part == 0])
            auc = roc_auc_score(y[part == 2], fitted.predict_proba(test)[:, 1])
            wrong = int((fitted.coef_ > 0).sum())
            signs = f"{wrong} of {len(names)} wrong signs"
            sys.stdout.write(f"{name}: bins from {least:.0%}, codes {codes}: AUC {auc:.4f}, {signs}\n")


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    {"rows": write_rows, "auc": tell_auc}[what](*paths)
