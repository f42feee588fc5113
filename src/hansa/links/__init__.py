"""The links of a chain, by name: who is asked, how parties weigh, at the party, combine, at the coordinator, vote.

Their names are written small, because a job file calls them so: `chain = ["by_examples", "weighted_mean"]`.
"""

from hansa.links.checks import holdout_vote, norm_bound
from hansa.links.cohort import everyone, fixed, poisson
from hansa.links.dp import clip_l2, perturb
from hansa.links.encrypted import encrypted_sum
from hansa.links.groups import secure_groups
from hansa.links.mean import by_examples, inverse_size, uniform, weighted_mean
from hansa.links.noise import adaptive_clip, distributed_noise, gaussian_noise, local_noise
from hansa.links.private import private_sgd
from hansa.links.robust import Rule, coordinate_median, rule
from hansa.links.secure import secure_sum
from hansa.links.server import adagrad, adam, momentum, sgd, yogi

__all__ = [
    "Rule",
    "adagrad",
    "adam",
    "adaptive_clip",
    "by_examples",
    "clip_l2",
    "coordinate_median",
    "distributed_noise",
    "encrypted_sum",
    "everyone",
    "fixed",
    "gaussian_noise",
    "holdout_vote",
    "inverse_size",
    "local_noise",
    "momentum",
    "norm_bound",
    "perturb",
    "poisson",
    "private_sgd",
    "rule",
    "secure_groups",
    "secure_sum",
    "sgd",
    "uniform",
    "weighted_mean",
    "yogi",
]
