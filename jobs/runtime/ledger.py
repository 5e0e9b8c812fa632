"""The account of a slice: what came in, what was rejected, flagged, summed up or rounded, and what went out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.jobs.runtime.graph import Node
from haiguan.jobs.runtime.lake import Slice
from haiguan.jobs.runtime.manifest import Published, slice_id
from haiguan.transforms.schema import Table

_AMOUNT = "decimal(38,6)"

Counted = tuple[int, Decimal | None]
"""Records, and their US dollars where they have any."""


@dataclass(frozen=True)
class Measured:
    """What the staged rows of a table amount to.

    Attributes:
        slices: slice id -> slice, records, US dollars (None where the table has no value_usd).
        rules: step -> slice id -> rule -> records and US dollars. Steps are `quarantined` (by the first rule that a
            record broke), `flagged` and `rounded`.
    """

    slices: Mapping[str, tuple[Slice, int, Decimal | None]]
    rules: Mapping[str, Mapping[str, Mapping[str, Counted]]]

    @property
    def records(self) -> int:
        """Records of all slices."""
        return sum(records for _, records, _ in self.slices.values())

    @property
    def amount(self) -> Decimal:
        """US dollars of all slices."""
        return sum((amount for _, _, amount in self.slices.values() if amount is not None), Decimal(0))


def measure(frame: DataFrame, table: Table, records: Iterable[tuple[Slice, int]]) -> Measured:
    """Sums the dollars of a staged table, by slice and by rule.

    Args:
        frame: its rows.
        table: its declaration.
        records: its slices, and how many rows each has.
    """
    dollars = _dollars(frame, table)
    slices = {slice_id(values): (values, count, dollars.get(slice_id(values))) for values, count in records}
    return Measured(slices, {step: _by_rule(frame, table, *how) for step, how in _rule_columns(table).items()})


def _dollars(frame: DataFrame, table: Table) -> dict[str, Decimal]:
    """Slice id -> US dollars; nothing where the table has none."""
    if "value_usd" not in table.column_names:
        return {}
    summed = frame.groupBy(*table.slice).agg(F.sum(F.col("value_usd").cast(_AMOUNT)).cast(_AMOUNT).alias("amount"))
    return {slice_id({name: row[name] for name in table.slice}): row.amount for row in summed.collect()}


def _rule_columns(table: Table) -> dict[str, tuple[Column, str]]:
    """Step -> the rule of a row, and the column whose sum goes with it."""
    found = {
        "rules": ("quarantined", F.element_at("rules", 1), "value_usd"),
        "flags": ("flagged", F.explode("flags"), "value_usd"),
        "rounding_usd": ("rounded", F.when(F.col("rounding_usd") != 0, F.lit("rounding")), "rounding_usd"),
    }
    return {step: (rule, amount) for name, (step, rule, amount) in found.items() if name in table.column_names}


def _by_rule(frame: DataFrame, table: Table, rule: Column, amount: str) -> dict[str, dict[str, Counted]]:
    dollars = F.col(amount) if amount in table.column_names else F.lit(None)
    counted = (
        frame.select(*table.slice, rule.alias("rule"), dollars.cast(_AMOUNT).alias("amount"))
        .where("rule IS NOT NULL")
        .groupBy(*table.slice, "rule")
        .agg(F.count("*").alias("records"), F.sum("amount").cast(_AMOUNT).alias("amount"))
    )
    found: dict[str, dict[str, Counted]] = {}
    for row in counted.collect():
        text = slice_id({name: row[name] for name in table.slice})
        found.setdefault(text, {})[row.rule] = (row.records, row.amount)
    return found


def account(
    node: Node,
    values: Slice | None,
    came: Sequence[Published] | None,
    measured: Mapping[str, Measured],
    steps: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The rows of the ledger for one slice of a table, or for all of them where `values` is None.

    in = quarantined + merged + out holds for records, and for dollars where the input has them. Where weights split
    flows into more rows than were summed up, it is in + split = quarantined + out.

    Args:
        node: of the table.
        values: the slice.
        came: slices of the input that the table accounts for or sums up; None where there is no such input.
        measured: of the table and its quarantine.
        steps: what the table's function left out: slice columns, step, rule, records, amount_usd.
    """
    text = None if values is None else slice_id(values)
    rows = [
        *_came_in(node, text or "", came, measured),
        *[row for one in measured.values() for row in _rule_rows(one, text)],
        *[_step_row(node.table, step) for step in steps if values is None or _belongs(node.table, step, values)],
    ]
    is_accounted = bool(rows)
    return [*rows, *_went_out(measured[node.name], text)] if is_accounted else []


def _came_in(
    node: Node, text: str, came: Sequence[Published] | None, measured: Mapping[str, Measured]
) -> Iterator[dict[str, Any]]:
    if came is None:
        return
    records = sum(entry.records for entry in came)
    amounts = [entry.amount for entry in came if entry.amount is not None]
    yield _row(text, "in", "", records, sum(amounts, Decimal(0)) if amounts else None)
    if node.table.merges:
        merged = records - sum(one.slices[text][1] for one in measured.values() if text in one.slices)
        yield _row(text, "merged" if merged >= 0 else "split", "", abs(merged), Decimal(0))


def _rule_rows(measured: Measured, text: str | None) -> Iterator[dict[str, Any]]:
    for step, slices in measured.rules.items():
        for found, by_rule in sorted(slices.items()):
            if text is None or found == text:
                yield from (_row(found, step, rule, *counted) for rule, counted in sorted(by_rule.items()))


def _went_out(measured: Measured, text: str | None) -> Iterator[dict[str, Any]]:
    for found, (_, records, amount) in sorted(measured.slices.items()):
        if text is None or found == text:
            yield _row(found, "out", "", records, amount)


def _row(text: str, step: str, rule: str, records: int, amount: Decimal | None) -> dict[str, Any]:
    return {"slice_id": text, "step": step, "rule": rule, "records": records, "amount_usd": amount}


def _belongs(table: Table, step: Mapping[str, Any], values: Slice) -> bool:
    return all(step[name] == values[name] for name in table.slice if name in step)


def _step_row(table: Table, step: Mapping[str, Any]) -> dict[str, Any]:
    text = slice_id({name: step[name] for name in table.slice if name in step})
    return _row(text, step["step"], step["rule"], step["records"], step["amount_usd"])
