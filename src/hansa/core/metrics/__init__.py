"""Pooled metrics without pooling rows or scores.

Parties count scores over bins that all agree on (`first_edges`), by label: `bin_counts` for a secure sum,
`merge_small` for a plain one. Counts add up. The coordinator reads AUC, Gini, KS and average precision from the sum,
each with the interval that the counts leave open, and asks again over the bins of `refine` until that is narrow.
Losses go by sums, gains by each party's own paired test. Labels are 0 and 1, scores are margins (log odds): the
higher, the likelier a 1.

| file | party side | coordinator side |
| --- | --- | --- |
| keys | `score_keys` | `first_edges`, `unkey` |
| counts | `bin_counts`, `merge_small`, `tie_sums`, `too_few` | `ScoreCounts`, `+` |
| refine | | `refine` |
| curves | | `auc`, `gini`, `ks`, `average_precision`, `roc` |
| tables | | `lift_table`, `calibration` |
| lines | | `calibration_line` |
| confusion | `confusion_counts`, `small_cells` | `confusion_at`, `classification_report` |
| losses | `binary_sums`, `regression_sums`, `class_sums` | `binary_losses`, `regression_losses`, `class_losses` |
| delong | `paired_delong` | `auc_interval`, `pool_paired` |
| stability | | `population_stability`, `stability_alarm` |
| placements | `placement_sums` | `auc_by_placements` |
| distance | | `ks_interval` |
| beta | | `jeffreys_interval`, `jeffreys_test` |
| exact | `auc_of`, `ks_of`, `average_precision_of`, `log_loss_of` | |
"""

from hansa.core.metrics.beta import jeffreys_interval, jeffreys_test
from hansa.core.metrics.confusion import (
    BinaryConfusion,
    ClassificationReport,
    Scores,
    classification_report,
    confusion_at,
    confusion_counts,
    small_cells,
)
from hansa.core.metrics.counts import ScoreCounts, bin_counts, merge_small, tie_sums, too_few
from hansa.core.metrics.curves import Bounded, Curve, auc, average_precision, gini, ks, roc
from hansa.core.metrics.delong import (
    AucInterval,
    Gain,
    PairedAUC,
    PooledGain,
    auc_interval,
    paired_delong,
    pool_paired,
)
from hansa.core.metrics.distance import ks_interval
from hansa.core.metrics.exact import auc_of, average_precision_of, ks_of, log_loss_of
from hansa.core.metrics.keys import first_edges, score_keys, unkey
from hansa.core.metrics.lines import bin_chances, calibration_line
from hansa.core.metrics.losses import (
    BinaryLosses,
    ClassLosses,
    RegressionLosses,
    binary_losses,
    binary_sums,
    class_losses,
    class_sums,
    regression_losses,
    regression_sums,
)
from hansa.core.metrics.placements import auc_by_placements, placement_sums
from hansa.core.metrics.refine import refine
from hansa.core.metrics.rows import effective, probability
from hansa.core.metrics.stability import population_stability, stability_alarm
from hansa.core.metrics.student import student_quantile
from hansa.core.metrics.tables import Calibration, LiftTable, calibration, lift_table

__all__ = [
    "AucInterval",
    "BinaryConfusion",
    "BinaryLosses",
    "Bounded",
    "Calibration",
    "ClassLosses",
    "ClassificationReport",
    "Curve",
    "Gain",
    "LiftTable",
    "PairedAUC",
    "PooledGain",
    "RegressionLosses",
    "ScoreCounts",
    "Scores",
    "auc",
    "auc_by_placements",
    "auc_interval",
    "auc_of",
    "average_precision",
    "average_precision_of",
    "bin_chances",
    "bin_counts",
    "binary_losses",
    "binary_sums",
    "calibration",
    "calibration_line",
    "class_losses",
    "class_sums",
    "classification_report",
    "confusion_at",
    "confusion_counts",
    "effective",
    "first_edges",
    "gini",
    "jeffreys_interval",
    "jeffreys_test",
    "ks",
    "ks_interval",
    "ks_of",
    "lift_table",
    "log_loss_of",
    "merge_small",
    "paired_delong",
    "placement_sums",
    "pool_paired",
    "population_stability",
    "probability",
    "refine",
    "regression_losses",
    "regression_sums",
    "roc",
    "score_keys",
    "small_cells",
    "stability_alarm",
    "student_quantile",
    "tie_sums",
    "too_few",
    "unkey",
]
