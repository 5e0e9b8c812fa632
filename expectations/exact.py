"""Expectations that Great Expectations lacks: a key counted by its hash, an exact sum, rows bounded slice by slice."""

from __future__ import annotations

from abc import abstractmethod
from decimal import Decimal
from typing import Any, ClassVar

from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.execution_engine import SparkDFExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_SAMPLED_RANGE = 64
_RECORDS = "table.row_count"


def repeated_keys(frame: DataFrame, key: list[str], is_sample: bool) -> DataFrame:
    """The keys that stand in more than one row, with the number of rows, largest first.

    Keys are grouped by a 64-bit hash, and only those whose hash occurs twice are compared in full. Of a sample, only
    keys in one 64th of the hash range are looked at.
    """
    hashed = _hashed_keys(frame, key, is_sample)
    return (
        hashed.join(F.broadcast(_repeated_hashes(hashed).limit(100_000)), "key_hash", "left_semi")
        .groupBy(*key)
        .agg(F.count("*").alias("records"))
        .where("records > 1")
        .orderBy(F.desc("records"), *key)
    )


def _hashed_keys(frame: DataFrame, key: list[str], is_sample: bool) -> DataFrame:
    hashed = frame.select(*key).withColumn("key_hash", F.xxhash64(*key))
    return hashed.where(F.col("key_hash").bitwiseAND(_SAMPLED_RANGE - 1) == 0) if is_sample else hashed


def _repeated_hashes(hashed: DataFrame) -> DataFrame:
    return hashed.groupBy("key_hash").count().where("count > 1").select("key_hash")


class _OfWholeTable(TableMetricProvider):
    """A metric of a whole table: what `measured` makes of its rows, their number and the metric's own arguments."""

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(
        cls,  # noqa: N805
        execution_engine: SparkDFExecutionEngine,
        metric_domain_kwargs: dict,
        metric_value_kwargs: dict,
        metrics: dict,
        **_: Any,
    ) -> Any:
        frame, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, domain_type=MetricDomainTypes.TABLE)
        arguments = {name: metric_value_kwargs[name] for name in cls.value_keys}
        return cls.measured(frame, metrics[_RECORDS], **arguments)

    @classmethod
    def _get_evaluation_dependencies(cls, metric: MetricConfiguration, *_: Any, **__: Any) -> dict:
        """The number of rows, which every suite asks for: counted once, together with what else can be."""
        return {_RECORDS: MetricConfiguration(_RECORDS, metric.metric_domain_kwargs)}

    @staticmethod
    @abstractmethod
    def measured(frame: DataFrame, records: int, **arguments: Any) -> Any:
        """The value of the metric."""


class RepeatedKeys(_OfWholeTable):
    """Number of keys that stand in more than one row."""

    metric_name = "table.repeated_keys"
    value_keys = ("key", "sample_above")

    @staticmethod
    def measured(frame: DataFrame, records: int, **arguments: Any) -> int:
        """The number of `key` that occur twice or more; above `sample_above` rows of a sample of them."""
        key, is_sample = arguments["key"], records > arguments["sample_above"]
        if not _repeated_hashes(_hashed_keys(frame, key, is_sample)).count():
            return 0
        return repeated_keys(frame, key, is_sample).count()


class ExactSum(_OfWholeTable):
    """Sum of a decimal column, as text, since a double would lose cents."""

    metric_name = "table.exact_sum"
    value_keys = ("column",)

    @staticmethod
    def measured(frame: DataFrame, records: int, **arguments: Any) -> str:
        """The sum of `column`."""
        total = frame.agg(F.sum(F.col(arguments["column"]).cast("decimal(38,6)"))).head()
        return str((total and total[0]) or 0)


class RowsBySlice(_OfWholeTable):
    """Number of rows of each slice, by the slice as text, such as `year=2004`."""

    metric_name = "table.rows_by_slice"
    value_keys = ("columns",)

    @staticmethod
    def measured(frame: DataFrame, records: int, **arguments: Any) -> dict[str, int]:
        """Slice of `columns` -> rows."""
        columns = arguments["columns"]
        counted = frame.groupBy(*columns).agg(F.count("*").alias("records")).collect()
        return {"/".join(f"{name}={row[name]}" for name in columns): row.records for row in counted}


class ExpectKeyToBeUnique(BatchExpectation):
    """No key stands in more than one row."""

    key: list[str]
    sample_above: int

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.repeated_keys",)
    success_keys: ClassVar[tuple[str, ...]] = ("key", "sample_above")
    args_keys: ClassVar[tuple[str, ...]] = ("key", "sample_above")

    def _validate(self, metrics: dict, **_: Any) -> dict:  # type: ignore[override]
        repeated = metrics["table.repeated_keys"]
        return {"success": repeated == 0, "result": {"observed_value": repeated}}


class ExpectExactSumToEqual(BatchExpectation):
    """The sum of a decimal column is a given number, to the last digit."""

    column: str
    value: str

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.exact_sum",)
    success_keys: ClassVar[tuple[str, ...]] = ("column", "value")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "value")

    def _validate(self, metrics: dict, **_: Any) -> dict:  # type: ignore[override]
        found = metrics["table.exact_sum"]
        return {"success": Decimal(found) == Decimal(self.value), "result": {"observed_value": found}}


class ExpectRowsOfSlicesToBeAtMost(BatchExpectation):
    """No slice has more rows than its limit; one without a limit has none."""

    columns: list[str]
    limits: dict[str, int]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.rows_by_slice",)
    success_keys: ClassVar[tuple[str, ...]] = ("columns", "limits")
    args_keys: ClassVar[tuple[str, ...]] = ("columns", "limits")

    def _validate(self, metrics: dict, **_: Any) -> dict:  # type: ignore[override]
        found = metrics["table.rows_by_slice"]
        above = {text: rows for text, rows in sorted(found.items()) if rows > self.limits.get(text, 0)}
        said = ", ".join(f"{text}: {rows} rows, at most {self.limits.get(text, 0)}" for text, rows in above.items())
        return {"success": not above, "result": {"observed_value": said or "within the limits"}}
