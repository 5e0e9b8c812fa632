"""Random numbers as hashes of a seed, a name and ids: the same whatever the order, the partitions or the machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)
_SPARK_SEED = np.uint64(42)
_UNIT = 2.0**-53


@dataclass(frozen=True)
class Draws:
    """All draws of one seed; a draw is known by its name and the ids it belongs to."""

    seed: int

    def key(self, name: str) -> int:
        """The signed 64-bit number that stands for seed and name."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{name}".encode()).digest()[:8], "big", signed=True)

    def ids(self, name: str, *ids: Ids) -> Ids:
        """Ids made of ids: as good as all different, and in no order."""
        return self._bits(name, ids).view(np.int64)

    def uniform(self, name: str, *ids: Ids) -> Floats:
        """Uniform draws in [0, 1), one per row of the ids (arrays of one length)."""
        return (self._bits(name, ids) >> np.uint64(11)).astype(np.float64) * _UNIT

    def below(self, number: int | Ids, name: str, *ids: Ids) -> Ids:
        """Whole numbers from 0 to below `number`, each as likely."""
        return (self.uniform(name, *ids) * number).astype(np.int64)

    def normal(self, name: str, *ids: Ids) -> Floats:
        """Standard normal draws, by the inverse of the distribution function."""
        return ndtri(self.uniform(name, *ids) + _UNIT / 2)

    def _bits(self, name: str, ids: tuple[Ids, ...]) -> NDArray[np.uint64]:
        return xxhash64(np.array([self.key(name)], dtype=np.int64), *ids)


def xxhash64(*values: Ids) -> NDArray[np.uint64]:
    """XXH64 of 64-bit integers, chained from one column to the next as Spark's `xxhash64` does.

    Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, for inputs of eight bytes.
    """
    digest = np.full(values[0].shape, _SPARK_SEED, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for value in values:
            digest = digest + _P5 + np.uint64(8)
            digest = digest ^ _rotated(value.astype(np.int64, copy=False).view(np.uint64) * _P2, 31) * _P1
            digest = _rotated(digest, 27) * _P1 + _P4
            digest = (digest ^ (digest >> np.uint64(33))) * _P2
            digest = (digest ^ (digest >> np.uint64(29))) * _P3
            digest = digest ^ (digest >> np.uint64(32))
    return digest


def pick(uniform: Floats, weights: list[int] | list[float] | Floats) -> Ids:
    """Index of the interval that each uniform draw falls into, the intervals being as long as the weights."""
    ends = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(ends[:-1] / ends[-1], uniform, side="right").astype(np.int64)


def _rotated(bits: NDArray[np.uint64], by: int) -> NDArray[np.uint64]:
    return (bits << np.uint64(by)) | (bits >> np.uint64(64 - by))
