"""A row out of a dense layer's gradient, exactly.

Of one row x the gradient of output j is e_j x for its weights and e_j for its bias: their ratio is the row (Phong et
al. 2018, section III). Several steps on the row, a clip and a sum with equal weights change nothing about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def row_in(weight: NDArray[np.floating], bias: NDArray[np.floating]) -> NDArray[np.float64]:
    """What came into the layer, `[inputs]`, of `weight [inputs, k]` and `bias [k]`: least squares over the outputs.

    Example:
        >>> row_in(np.array([[2.0, 0.0], [4.0, 0.0]]), np.array([2.0, 0.0])).tolist()
        [1.0, 2.0]
    """
    weight, bias = weight.astype(np.float64), bias.astype(np.float64)
    square = float(bias @ bias)
    found: NDArray[np.float64] = weight @ bias / square if square else np.zeros(len(weight))
    return found


def likeness(found: NDArray[np.floating], row: NDArray[np.floating], usual: NDArray[np.floating]) -> float:
    """The cosine of a found row `[inputs]` and the true one, both less what they share with the usual row.

    Example:
        >>> likeness(np.array([1.0, 2.0, 0.0]), np.array([1.0, 2.0, 7.0]), np.array([0.0, 0.0, 1.0]))
        1.0
    """
    along = usual / max(float(np.linalg.norm(usual)), 1e-12)
    one, other = (np.asarray(each, np.float64) - (each @ along) * along for each in (found, row))
    size = float(np.linalg.norm(one) * np.linalg.norm(other))
    return round(float(one @ other) / size, 12) if size else 0.0
