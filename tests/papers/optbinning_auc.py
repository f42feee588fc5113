"""What optbinning makes of the rows that our jobs see: bins and a regression, and scorecards of whole points.

The rows come from our environment, the figures from one of optbinning's own (see `optbinning_figures.py`). `auc` prints
those of bins by weight of evidence and a logistic regression; `cards` writes those of optbinning's own `Scorecard`, of
whole points like ours, which `test_scorecards.py` holds ours against:

    .venv/bin/python tests/papers/optbinning_auc.py rows PATH/TO/shared/data rows.npz
    .optbinning/bin/python tests/papers/optbinning_auc.py auc rows.npz
    .optbinning/bin/python tests/papers/optbinning_auc.py cards rows.npz
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

JOBS = Path(__file__).parents[2] / "examples" / "jobs"
NAMES = ("give_me_some_credit_woe", "uci_default_woe")
CARDS = Path(__file__).parent / "optbinning_cards.json"
TURNS = {"DebtRatio": "peak", "NumberRealEstateLoansOrLines": "valley"}
KEPT = ("LIMIT_BAL", "PAY_0", "PAY_3", "PAY_4", "PAY_6", "PAY_AMT1", "PAY_AMT2", "PAY_AMT4", "PAY_AMT6")
CASES = (
    ("give_me_some_credit", "with turns", 0.01, TURNS, ()),
    ("give_me_some_credit", "all monotone", 0.01, {}, ()),
    ("uci_default", "all columns", 0.05, {}, ()),
    ("uci_default", "the nine columns kept here", 0.05, {}, KEPT),
)


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


def write_cards(path):
    """The AUC on test rows of optbinning's cards of whole points, and how many coefficients have the wrong sign."""
    import pandas as pd
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    rows, found = np.load(path), []
    for name, case, least, turns, kept in CASES:
        names, part = [str(n) for n in rows[f"{name}_woe names"]], rows[f"{name}_woe part"]
        X = pd.DataFrame(rows[f"{name}_woe X"], columns=names)[list(kept) or names]
        y = rows[f"{name}_woe y"].astype(int)
        rules = {}
        for one in X:
            codes = {"special_codes": [96, 98]} if one.startswith("NumberOfTime") else {}
            rules[one] = {"monotonic_trend": turns.get(one, "auto_asc_desc"), **codes}
        bins = BinningProcess(list(X), min_bin_size=least, min_prebin_size=least, binning_fit_params=rules)
        scaled = {"pdo": 20, "odds": 50, "scorecard_points": 600}
        card = Scorecard(bins, LogisticRegression(C=1e6, max_iter=1000), "pdo_odds", scaled, rounding=True)
        empirical = {"metric_special": "empirical", "metric_missing": "empirical"}
        card.fit(X[part == 0], y[part == 0], **empirical)
        auc = roc_auc_score(y[part == 2], -card.score(X[part == 2]))
        wrong = int((card.estimator_.coef_ > 0).sum())
        found.append({"data": name, "case": case, "auc": round(float(auc), 5), "wrong_signs": wrong})
    CARDS.write_text(json.dumps({"optbinning": version("optbinning"), "cards": found}, indent=1) + "\n")


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    {"rows": write_rows, "auc": tell_auc, "cards": write_cards}[what](*paths)
