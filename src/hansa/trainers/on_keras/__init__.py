"""The one room that imports keras: any Keras 3 model, on whichever backend it stands, federated."""

from hansa.trainers.on_keras.trainer import Keras, Own, on_keras

__all__ = ["Keras", "Own", "on_keras"]
