"""Random numbers as hashes of a seed, a name and ids: the same whatever the order, the partitions or the engine.

Spark and numpy give the same draw for the same ids, so that the truth can be had on the driver for what Spark writes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column
from pyspark.sql import functions as F
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

    def uniform(self, name: str, *ids: Ids) -> Floats:
        """Uniform draws in [0, 1), one per row of the ids (arrays of one length)."""
        bits = xxhash64(np.full(ids[0].shape, self.key(name), dtype=np.int64), *ids)
        return (bits >> np.uint64(11)).astype(np.float64) * _UNIT

    def normal(self, name: str, *ids: Ids) -> Floats:
        """Standard normal draws, by the inverse of the distribution function."""
        return ndtri(self.uniform(name, *ids) + _UNIT / 2)

    def column(self, name: str, *ids: Column) -> Column:
        """The same uniform draw in Spark; the ids must be bigint, or the hash differs."""
        bits = F.xxhash64(F.lit(self.key(name)).cast("bigint"), *ids)
        return F.shiftrightunsigned(bits, 11) * F.lit(_UNIT)


def xxhash64(*values: Ids) -> NDArray[np.uint64]:
    """XXH64 of 64-bit integers, chained from one column to the next as Spark's `xxhash64` does.

    Source: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, for inputs of eight bytes.
    """
    digest = np.full(values[0].shape, _SPARK_SEED, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for value in values:
            digest = digest + _P5 + np.uint64(8)
            digest ^= _rotated(value.astype(np.int64).view(np.uint64) * _P2, 31) * _P1
            digest = _rotated(digest, 27) * _P1 + _P4
            digest = (digest ^ (digest >> np.uint64(33))) * _P2
            digest = (digest ^ (digest >> np.uint64(29))) * _P3
            digest ^= digest >> np.uint64(32)
    return digest


def _rotated(bits: NDArray[np.uint64], by: int) -> NDArray[np.uint64]:
    return (bits << np.uint64(by)) | (bits >> np.uint64(64 - by))
