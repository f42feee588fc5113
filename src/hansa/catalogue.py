"""The one table of parts: what a job file may name, and where it stands. Resolved when first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hansa.errors import ConfigError, nearest
from hansa.extras import need
from hansa.own_parts import answers, installed, own_loaded, own_name, own_part

PARTS: dict[str, dict[str, str]] = {
    "Step": {
        "prepare": "hansa.horizontal.prepare:Prepare",
        "quality": "hansa.horizontal.quality:Quality",
        "rounds": "hansa.horizontal.rounds:Rounds",
        "evaluate": "hansa.horizontal.evaluate:Evaluate",
        "binning": "hansa.horizontal.binning:Binning",
        "selection": "hansa.horizontal.selection:Select",
        "glm": "hansa.horizontal.glm:Glm",
        "scorecard": "hansa.horizontal.scorecard:MakeCard",
        "reasons": "hansa.horizontal.reasons:Explain",
        "fairness": "hansa.horizontal.fairness:Fairness",
        "validate": "hansa.horizontal.validation:Validate",
        "statistics": "hansa.horizontal.statistics:Statistics",
    },
    "Trainer": {
        "linear": "hansa.trainers.linear:Linear",
        "tabular": "hansa.trainers.tabular:Tabular",
        "torch": "hansa.trainers.on_torch.trainer:Torch",
        "jax": "hansa.trainers.on_jax.trainer:Jax",
        "keras": "hansa.trainers.on_keras.trainer:Keras",
        "sklearn": "hansa.trainers.on_sklearn.trainer:Sklearn",
    },
    "Module": {
        "mlp": "hansa.trainers.on_torch.ready:mlp",
        "resnet": "hansa.trainers.on_torch.ready:resnet",
        "ft_transformer": "hansa.trainers.on_torch.ready:ft_transformer",
        "lstm": "hansa.trainers.on_torch.ready:lstm",
        "tcn": "hansa.trainers.on_torch.ready:tcn",
    },
    "Link": {
        "everyone": "hansa.links.cohort:everyone",
        "fixed": "hansa.links.cohort:fixed",
        "poisson": "hansa.links.cohort:poisson",
        "by_examples": "hansa.links.mean:by_examples",
        "uniform": "hansa.links.mean:uniform",
        "inverse_size": "hansa.links.mean:inverse_size",
        "weighted_mean": "hansa.links.mean:weighted_mean",
        "secure_sum": "hansa.links.secure:secure_sum",
        "secure_groups": "hansa.links.groups:secure_groups",
        "encrypted_sum": "hansa.links.encrypted:encrypted_sum",
        "coordinate_median": "hansa.links.robust:coordinate_median",
        "clip_l2": "hansa.links.dp:clip_l2",
        "perturb": "hansa.links.dp:perturb",
        "private_sgd": "hansa.links.private:private_sgd",
        "adaptive_clip": "hansa.links.noise:adaptive_clip",
        "gaussian_noise": "hansa.links.noise:gaussian_noise",
        "local_noise": "hansa.links.noise:local_noise",
        "distributed_noise": "hansa.links.noise:distributed_noise",
        "norm_bound": "hansa.links.checks:norm_bound",
        "holdout_vote": "hansa.links.checks:holdout_vote",
        "sgd": "hansa.links.server:sgd",
        "momentum": "hansa.links.server:momentum",
        "adam": "hansa.links.server:adam",
        "yogi": "hansa.links.server:yogi",
        "adagrad": "hansa.links.server:adagrad",
    },
    "Split": {
        "hash": "hansa.data.parts:HashSplit",
        "time": "hansa.data.times:TimeSplit",
        "purged": "hansa.data.folds:PurgedFolds",
    },
    "Contract": {
        "schema": "hansa.data.schema:Schema",
        "person_periods": "hansa.data.hazard:PersonPeriods",
    },
    "Splitter": {
        "iid": "hansa.data.partition:Iid",
        "dirichlet": "hansa.data.partition:Dirichlet",
        "quantity": "hansa.data.partition:Quantity",
        "by_column": "hansa.data.partition:ByColumn",
        "by_time": "hansa.data.partition:ByTime",
    },
}
_NAMES = frozenset(name for parts in PARTS.values() for name in parts)
_PLACES = {place: name for parts in PARTS.values() for name, place in parts.items()}


def part(name: str, where: str = "") -> Any:
    """Look a part up by the name that a job file gives it.

    Raises:
        ConfigError: there is no part of this name; names the nearest.
        PolicyRefusal: it is a part of an institution's own, and not allowed here; see `hansa.own_parts`.

    Example:
        >>> part("wieghted_mean", "chain[0]")
        Traceback (most recent call last):
            ...
        hansa.errors.ConfigError: chain[0]: there is no part 'wieghted_mean'. Did you mean 'weighted_mean'?
    """
    for parts in PARTS.values():
        if name in parts:
            module, _, attribute = parts[name].partition(":")
            return getattr(need(module), attribute)
    if name in installed():
        return own_part(name, where)
    raise ConfigError(f"{where}: there is no part '{name}'.", mend=nearest(name, _NAMES | installed().keys()))


def knows(name: str) -> bool:
    """Say whether there is a part of this name, allowed here or not.

    Example:
        >>> knows("weighted_mean"), knows("wieghted_mean")
        (True, False)
    """
    return name in _NAMES or name in installed()


def name_of(value: Any) -> str | None:
    """Say by which name a job file would call this value, or None.

    Example:
        >>> name_of(3) is None
        True
    """
    kind = value if isinstance(value, type) else type(value)
    name = _PLACES.get(f"{kind.__module__}:{kind.__qualname__}")
    if name is not None:
        return name
    title = getattr(value, "title", None) if not isinstance(value, type) else None
    shipped = isinstance(title, str) and title in _NAMES and part(title) is value
    return title if shipped else own_name(value)


def is_ready_made(name: str, value: Any) -> bool:
    """Say whether a value is the very thing that stands under its name, and so has no settings to tell.

    Example:
        >>> is_ready_made("coordinate_median", part("coordinate_median")), is_ready_made("uniform", part("uniform")())
        (True, False)
    """
    return (part(name) if name in _NAMES else own_loaded(name)) is value


def names(kind: type[Any]) -> list[str]:
    """The names of all parts of a kind.

    Example:
        >>> from hansa.core.trainer import Trainer
        >>> names(Trainer)
        ['jax', 'keras', 'linear', 'sklearn', 'tabular', 'torch']
    """
    return sorted(PARTS.get(kind.__name__, {}))


def fits(value: Any, kind: type[Any]) -> bool:
    """Say whether a part is of the kind that a field wants.

    Example:
        >>> from hansa.core.link import Link
        >>> fits(part("uniform")(), Link)
        True
    """
    name = name_of(value)
    if name is None or name in _NAMES:
        return name in PARTS.get(kind.__name__, {})
    return answers(value, kind)


def type_names() -> dict[str, Any]:
    """Types that annotations name but modules import for checking only.

    Example:
        >>> type_names()["Link"].__name__
        'Link'
    """
    core = {
        "hansa.core.step": ("Step",),
        "hansa.core.trainer": ("Trainer", "Local"),
        "hansa.core.link": ("Link",),
        "hansa.core.chain": ("Chain",),
    }
    found: dict[str, Any] = {
        name: getattr(import_module(module), name) for module, names_ in core.items() for name in names_
    }
    numpy = import_module("numpy")
    return {
        **found,
        "NDArray": import_module("numpy.typing").NDArray,
        "np": numpy,
        "Mapping": import_module("collections.abc").Mapping,
        "Any": Any,
    }
