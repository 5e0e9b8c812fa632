"""Keys are compared exactly, hash collisions included, and sums are exact to the last digit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from haiguan.expectations.exact import ExpectExactSumToEqual, ExpectKeyToBeUnique, repeated_keys
from haiguan.expectations.gate import Gate


@pytest.fixture(scope="module")
def gate(tmp_path_factory) -> Gate:
    return Gate("run-1", tmp_path_factory.mktemp("site"), 20, True)


def test_repeated_keys_with_their_number_largest_first(spark):
    frame = spark.createDataFrame(
        [(1, "a"), (1, "a"), (2, "a"), (1, "b"), (3, "c"), (3, "c"), (3, "c")], "n int, s string"
    )
    found = repeated_keys(frame, ["n", "s"], False).collect()
    assert [tuple(row) for row in found] == [(3, "c", 3), (1, "a", 2)]


def test_keys_that_share_a_hash_are_not_taken_for_the_same(spark):
    # xxhash64 passes over nulls, so these two collide.
    frame = spark.createDataFrame([("a", None), (None, "a")], "one string, two string")
    assert frame.select(F.xxhash64("one", "two")).distinct().count() == 1
    assert repeated_keys(frame, ["one", "two"], False).count() == 0
    assert repeated_keys(frame.union(frame.limit(1)), ["one", "two"], False).count() == 1


def test_above_a_number_of_rows_only_a_sample_of_the_keys_is_compared(spark, gate):
    doubled = spark.range(1000).union(spark.range(1000))
    sampled = {row.id for row in repeated_keys(doubled, ["id"], True).collect()}
    in_range = F.pmod(F.xxhash64("id"), F.lit(64)) == 0
    assert sampled == {row.id for row in spark.range(1000).where(in_range).collect()}
    assert 0 < len(sampled) < 50
    for sample_above, found in ((1999, len(sampled)), (2000, 1000)):
        (verdict,) = gate.judge("core_a__b", doubled, [ExpectKeyToBeUnique(key=["id"], sample_above=sample_above)])
        assert verdict.observed == str(found)
        assert len(verdict.failing_rows) == min(found, 20)


@pytest.mark.parametrize(("keys", "is_unique"), [([1, 2, 3], True), ([1, 2, 1], False)])
def test_uniqueness_as_an_expectation(spark, gate, keys, is_unique):
    frame = spark.createDataFrame([(key,) for key in keys], "n int")
    (verdict,) = gate.judge("core_a__b", frame, [ExpectKeyToBeUnique(key=["n"], sample_above=100)])
    assert verdict.is_success is is_unique
    assert verdict.stops is not is_unique
    assert verdict.exception is None
    assert [row["n"] for row in verdict.failing_rows] == ([] if is_unique else [1])


@pytest.mark.parametrize(("expected", "is_met"), [("9007199254740993.01", True), ("9007199254740993.00", False)])
def test_sums_that_a_double_could_not_tell_apart(spark, gate, expected, is_met):
    rows = [(Decimal("9007199254740992.00"),), (Decimal("1.01"),)]
    frame = spark.createDataFrame(rows, "value_usd decimal(18,2)")
    (verdict,) = gate.judge("core_a__b", frame, [ExpectExactSumToEqual(column="value_usd", value=expected)])
    assert verdict.is_success is is_met
    assert verdict.observed == "9007199254740993.010000"
