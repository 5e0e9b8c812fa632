"""The same draw for the same ids, in numpy as in Spark."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from haiguan.transforms.simulation.draws import Draws, pick, xxhash64

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
EXTREMES = [0, 1, -1, 42, 2**63 - 1, -(2**63), 0x9E3779B9]


def test_hash_equals_sparks(spark: SparkSession) -> None:
    pairs = [(left, right) for left in EXTREMES for right in EXTREMES]
    rows = (
        spark.createDataFrame(pairs, "a bigint, b bigint").select("a", "b", F.xxhash64("a", "b").alias("h")).collect()
    )
    left, right, expected = (np.array([row[name] for row in rows], dtype=np.int64) for name in ("a", "b", "h"))
    assert xxhash64(left, right).view(np.int64).tolist() == expected.tolist()


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


def test_ids_made_of_ids_do_not_meet() -> None:
    ids = np.arange(100_000)
    assert len(np.unique(Draws(1).ids("record", ids, ids % 7))) == len(ids)


def test_whole_numbers_below_a_bound_are_all_met() -> None:
    assert set(Draws(1).below(7, "month", np.arange(1000)).tolist()) == set(range(7))


def test_pick_follows_the_weights() -> None:
    assert pick(np.array([0.0, 0.24, 0.25, 0.99]), [1, 1, 2]).tolist() == [0, 0, 1, 2]
