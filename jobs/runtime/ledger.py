"""The account of a slice: what came in, what was rejected, flagged, summed up or rounded, and what went out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from haiguan.jobs.runtime.graph import Node
from haiguan.jobs.runtime.lake import Slice
from haiguan.jobs.runtime.manifest import Published, slice_id
from haiguan.transforms.schema import Table
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

_AMOUNT = "decimal(38,6)"


@dataclass(frozen=True)
class Measured:
    """What the staged rows of a table amount to.

    Attributes:
        slices: slice id -> slice, records, US dollars (None where the table has no value_usd).
        rules: slice id -> rule -> records and US dollars: rules of quarantine, by the first that a record broke; flags;
            and `rounding`.
    """

    slices: Mapping[str, tuple[Slice, int, Decimal | None]]
    rules: Mapping[str, Mapping[str, tuple[int, Decimal | None]]]

    @property
    def records(self) -> int:
        """Records of all slices."""
        return sum(records for _, records, _ in self.slices.values())


def measure(frame: DataFrame, table: Table) -> Measured:
    """Counts the records and sums the dollars of a staged table, by slice and by rule."""
    counted = frame.groupBy(*table.slice).agg(
        F.count("*").alias("records"), _amount(table, "value_usd").alias("amount")
    )
    slices = {}
    for row in counted.collect():
        if row.records:
            values = {name: row[name] for name in table.slice}
            slices[slice_id(values)] = (values, row.records, row.amount)
    return Measured(slices, _by_rule(frame, table))


def _amount(table: Table, column: str) -> Column:
    if column not in table.column_names:
        return F.lit(None).cast(_AMOUNT)
    return F.sum(F.col(column).cast(_AMOUNT)).cast(_AMOUNT)


def _by_rule(frame: DataFrame, table: Table) -> dict[str, dict[str, tuple[int, Decimal | None]]]:
    found: dict[str, dict[str, tuple[int, Decimal | None]]] = {}
    for rules, amount in _rule_columns(table):
        counted = (
            frame.select(*table.slice, rules.alias("rule"), *_named(amount))
            .where("rule IS NOT NULL")
            .groupBy(*table.slice, "rule")
            .agg(F.count("*").alias("records"), F.sum(F.col(amount).cast(_AMOUNT)).cast(_AMOUNT).alias("amount"))
        )
        for row in counted.collect():
            text = slice_id({name: row[name] for name in table.slice})
            found.setdefault(text, {})[row.rule] = (row.records, row.amount)
    return found


def _rule_columns(table: Table) -> Iterator[tuple[Column, str]]:
    """The rule of a row, and the column whose sum goes with it."""
    if "rules" in table.column_names:
        yield F.element_at("rules", 1), "value_usd"
    if "flags" in table.column_names:
        yield F.explode("flags"), "value_usd"
    if "rounding_usd" in table.column_names:
        yield F.when(F.col("rounding_usd") != 0, F.lit("rounding")), "rounding_usd"


def _named(column: str) -> list[str]:
    return [column]


def account(
    node: Node,
    values: Slice | None,
    came: Sequence[Published] | None,
    measured: Mapping[str, Measured],
    steps: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The rows of the ledger for one slice of a table, or for all of them where `values` is None.

    in = quarantined + merged + out holds for records, and for dollars where the input has them.

    Args:
        node: of the table.
        values: the slice.
        came: slices of the input that the table accounts for or sums up; None where there is no such input.
        measured: of the table and its quarantine.
        steps: what the table's function left out: slice columns, step, rule, records, amount_usd.
    """
    table, text = measured[node.name], None if values is None else slice_id(values)
    rows = [*_came_in(node, text, came, table)]
    if node.quarantine is not None and node.quarantine.name in measured:
        rows += _rows("quarantined", measured[node.quarantine.name].rules, text)
    for named in (table.rules,):
        rows += _rows("flagged", {t: _only(r, lambda rule: rule != "rounding") for t, r in named.items()}, text)
        rows += _rows("rounded", {t: _only(r, lambda rule: rule == "rounding") for t, r in named.items()}, text)
    rows += [_step_row(node.table, step) for step in steps if text is None or _belongs(node.table, step, values or {})]
    rows += [
        _row(t, "out", "", records, amount)
        for t, (_, records, amount) in table.slices.items()
        if text is None or t == text
    ]
    return rows if len(rows) > 1 or came is not None else []


def _came_in(
    node: Node, text: str | None, came: Sequence[Published] | None, table: Measured
) -> Iterator[dict[str, Any]]:
    if came is None:
        return
    records = sum(entry.records for entry in came)
    amounts = [entry.amount for entry in came if entry.amount is not None]
    yield _row(text or "", "in", "", records, sum(amounts, Decimal(0)) if amounts else None)
    if node.table.merges:
        out = table.slices.get(text or "", ({}, 0, None))[1]
        yield _row(text or "", "merged", "", records - out, Decimal(0))


def _only(rules: Mapping[str, Any], keep: Any) -> dict[str, Any]:
    return {rule: found for rule, found in rules.items() if keep(rule)}


def _rows(
    step: str, rules: Mapping[str, Mapping[str, tuple[int, Decimal | None]]], text: str | None
) -> list[dict[str, Any]]:
    return [
        _row(t, step, rule, records, amount)
        for t, by_rule in sorted(rules.items())
        if text is None or t == text
        for rule, (records, amount) in sorted(by_rule.items())
    ]


def _row(text: str, step: str, rule: str, records: int, amount: Decimal | None) -> dict[str, Any]:
    return {"slice_id": text, "step": step, "rule": rule, "records": records, "amount_usd": amount}


def _belongs(table: Table, step: Mapping[str, Any], values: Slice) -> bool:
    return all(step[name] == values[name] for name in table.slice if name in step)


def _step_row(table: Table, step: Mapping[str, Any]) -> dict[str, Any]:
    text = slice_id({name: step[name] for name in table.slice if name in step})
    return _row(text, step["step"], step["rule"], step["records"], step["amount_usd"])
