"""The same draw for the same ids, in numpy as in Spark."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from haiguan.transforms.simulation.draws import Draws, xxhash64

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
EXTREMES = [0, 1, -1, 42, 2**63 - 1, -(2**63), 0x9E3779B9]


def test_hash_equals_sparks(spark: SparkSession) -> None:
    pairs = [(left, right) for left in EXTREMES for right in EXTREMES]
    rows = (
        spark.createDataFrame(pairs, "a bigint, b bigint").select("a", "b", F.xxhash64("a", "b").alias("h")).collect()
    )
    left, right, expected = (np.array([row[name] for row in rows], dtype=np.int64) for name in ("a", "b", "h"))
    assert xxhash64(left, right).view(np.int64).tolist() == expected.tolist()


def test_uniform_draw_equals_sparks(spark: SparkSession) -> None:
    draws = Draws(7)
    rows = spark.range(500).select("id", draws.column("weight", F.col("id"), F.col("id") * 3).alias("u")).collect()
    ids = np.array([row["id"] for row in rows], dtype=np.int64)
    assert draws.uniform("weight", ids, ids * 3).tolist() == [row["u"] for row in rows]


@given(seed=st.integers(min_value=0, max_value=2**40), number=INT64)
def test_draw_is_a_function_of_seed_name_and_id(seed: int, number: int) -> None:
    ids = np.array([number, number])
    first, second = Draws(seed).uniform("weight", ids)
    assert first == second
    assert 0 <= first < 1
    assert first != Draws(seed).uniform("height", ids)[0]
    assert first != Draws(seed + 1).uniform("weight", ids)[0]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_draws_have_the_distribution_they_name(seed: int) -> None:
    ids = np.arange(200_000)
    uniform, normal = Draws(seed).uniform("u", ids), Draws(seed).normal("n", ids)
    assert abs(uniform.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(ids))
    assert abs(normal.mean()) < 4 / np.sqrt(len(ids))
    assert abs(normal.std() - 1) < 4 / np.sqrt(2 * len(ids))
    assert abs(np.corrcoef(uniform[:-1], uniform[1:])[0, 1]) < 4 / np.sqrt(len(ids))
