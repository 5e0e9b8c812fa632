"""Rules on records: each has a name and a SQL condition, and every one that a record breaks is listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F


def broken_rules(rules: Mapping[str, str]) -> Column:
    """The names of the rules whose condition holds, in their order; a condition that is null does not hold."""
    named = [F.when(F.expr(condition), F.lit(name)) for name, condition in rules.items()]
    return F.array_compact(F.array(*named))


def breaks_any(rules: Mapping[str, str]) -> Column:
    """Whether one of the conditions holds; unlike a look into `broken_rules`, Spark can ask it before later joins."""
    return F.coalesce(F.expr(" OR ".join(f"({condition})" for condition in rules.values())), F.lit(False))


def rule_names(names: Iterable[str]) -> Column:
    """The names as an array column."""
    return F.array(*[F.lit(name) for name in names]).cast("array<string>")
