"""The one room that imports scikit-learn: its linear models, federated by their coefficients."""

from hansa.trainers.on_sklearn.trainer import Sklearn, on_sklearn

__all__ = ["Sklearn", "on_sklearn"]
