"""Singletons: observations that a fixed effect fits perfectly because nobody else shares its level."""

from __future__ import annotations

import numpy as np


def without_singletons(effects: np.ndarray) -> np.ndarray:
    """Which observations stay once singletons are dropped until none is left (Correia 2015).

    Dropping one may make another: the observation that stays alone in its year after its firm's partner went.

    Args:
        effects: N x M integer codes.

    Returns:
        N booleans.

    >>> without_singletons(np.array([[0, 0], [0, 1], [1, 1], [2, 0], [2, 0]])).tolist()
    [False, False, False, True, True]
    """
    kept = np.arange(len(effects))
    while len(kept):
        shared = np.ones(len(kept), dtype=bool)
        for codes in effects[kept].T:
            shared &= np.bincount(codes)[codes] > 1
        if shared.all():
            break
        kept = kept[shared]
    mask = np.zeros(len(effects), dtype=bool)
    mask[kept] = True
    return mask
