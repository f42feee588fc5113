"""hansa: federated learning for finance. Institutions train one model together and no customer row leaves its owner.

    >>> import hansa as hs
    >>> banks = [hs.Party(f"bank-{i}", hs.loan_book(600, seed=i)) for i in range(3)]
    >>> model = hs.LogisticClassifier(rounds=3).fit(banks)
    >>> model.predict_proba(hs.loan_book(2, seed=9)).shape
    (2, 2)

Every name is loaded when it is first used, so that `import hansa` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FACE = {
    "Chain": "hansa.core.chain",
    "Consortium": "hansa.engines.network.consortium",
    "CsvFormat": "hansa.data.csv_format",
    "Data": "hansa.core.job",
    "Evaluate": "hansa.horizontal.evaluate",
    "FederatedClassifier": "hansa.running.federated_classifier",
    "GLM": "hansa.running.regressions",
    "HansaError": "hansa.errors",
    "Job": "hansa.core.job",
    "Linear": "hansa.trainers.linear",
    "Local": "hansa.core.trainer",
    "LogisticClassifier": "hansa.running.estimators",
    "MLflow": "hansa.tracking.on_mlflow",
    "Model": "hansa.running.model",
    "Party": "hansa.data.frames",
    "Prepare": "hansa.horizontal.prepare",
    "Reading": "hansa.data.source",
    "Result": "hansa.running.result",
    "Rounds": "hansa.horizontal.rounds",
    "Scorecard": "hansa.apps.scorecard",
    "Simulation": "hansa.engines.simulation",
    "Table": "hansa.core.table",
    "Tabular": "hansa.trainers.tabular",
    "TabularClassifier": "hansa.running.estimators",
    "TensorBoard": "hansa.tracking.on_tensorboard",
    "WandB": "hansa.tracking.on_wandb",
    "ensemble_of_locals": "hansa.running.ensemble",
    "german_credit": "hansa.data.german_credit",
    "load": "hansa.running.model",
    "on_jax": "hansa.trainers.on_jax.trainer",
    "on_keras": "hansa.trainers.on_keras.trainer",
    "on_sklearn": "hansa.trainers.on_sklearn.trainer",
    "on_torch": "hansa.trainers.on_torch.trainer",
    "loan_book": "hansa.data.synthetic",
    "privacy": "hansa.running.privacy",
    "read_csv": "hansa.data.csv_file",
    "read_parquet": "hansa.data.parquet",
    "read_sql": "hansa.data.sql",
    "run": "hansa.running.verb",
}
_RENAMED = {"Party": "party"}
__all__ = sorted(_FACE)  # noqa: PLE0605 - the table above is the one list of names


def __getattr__(name: str) -> Any:
    """Load a name of the face when it is first used."""
    if name not in _FACE:
        message = f"hansa has no '{name}'."
        raise AttributeError(message)
    need = import_module("hansa.extras").need  # what it lacks, it says
    value = getattr(need(_FACE[name]), _RENAMED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the face."""
    return [*__all__, *globals()]
