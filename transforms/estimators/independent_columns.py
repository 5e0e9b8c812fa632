"""Which columns of a design are linear combinations of the ones before them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TOLERANCE = 1e-10


def independent_columns(gram: np.ndarray, order: Sequence[int], tolerance: float = TOLERANCE) -> np.ndarray:
    """Marks the columns that are not combinations of columns earlier in `order`.

    A column is taken as dependent when less than `tolerance` of its sum of squares is left after the earlier columns
    (a correlation with them above 1 - 5e-11); the share does not depend on units.

    Args:
        gram: P x P cross-products X'X.
        order: the P column numbers, in the order in which they claim what they share.
        tolerance: the share below which a column counts as dependent.

    Returns:
        P booleans, in the order of the columns.

    >>> X = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
    >>> independent_columns(X.T @ X, order=[0, 1, 2]).tolist()
    [True, True, False]
    """
    left = gram.astype(float).copy()
    original = np.diag(gram).copy()
    independent = np.zeros(len(original), dtype=bool)
    for j in order:
        if left[j, j] <= tolerance * original[j]:
            continue
        independent[j] = True
        left -= np.outer(left[:, j], left[j] / left[j, j])
    return independent
