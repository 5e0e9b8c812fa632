"""Building: slices of a table made, staged, gated and published together, and the account of them written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.expectations.declared import Bounds
from haiguan.expectations.gate import Verdict
from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime.graph import Node
from haiguan.jobs.runtime.lake import Slice, Staged, in_slices
from haiguan.jobs.runtime.ledger import Measured, account, measure
from haiguan.jobs.runtime.manifest import Published, slice_id
from haiguan.jobs.runtime.plan import Due, TablePlan, suite_hash
from haiguan.jobs.runtime.workshop import Workshop
from haiguan.transforms.errors import InputError
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.schema import TABLES, Table

_UNKNOWN_LABELS_SHOWN = 100
_OUTSIDE_YEARS = "outside_years"


class GateError(RuntimeError):
    """A gate stopped the run (exit code 3).

    Attributes:
        verdicts: those that stopped it.
    """

    def __init__(self, table: str, verdicts: Sequence[Verdict]) -> None:
        super().__init__(f"{table}: the gate did not let the new rows pass; the published table is as it was")
        self.verdicts = [verdict for verdict in verdicts if verdict.stops]


@dataclass(frozen=True)
class Batch:
    """Slices of a table that are built together, with what has become of them so far.

    Attributes:
        node: of the table.
        due: the slices; a single one without a slice where only the rows can tell them.
        staged: quarantine first, the table last: the order in which they are published.
        measured: table name -> what its staged rows amount to.
        steps: what the table's function left out.
    """

    node: Node
    due: Sequence[Due]
    staged: Sequence[Staged]
    measured: Mapping[str, Measured]
    steps: Sequence[Mapping[str, Any]]

    @property
    def slices(self) -> list[Slice] | None:
        """The slices, None where only the rows can tell."""
        return None if self.due[0].slice is None else [due.slice or {} for due in self.due]


def carry_out(plan: TablePlan, shop: Workshop) -> None:
    """Builds what is due of a table, gates again what a changed suite must judge, removes what has lost its input.

    Raises:
        GateError: a gate stopped it; nothing of the batch is published.
        InputError: the data hold labels that no coding knows.
    """
    if plan.regate:
        _gate_again(plan, shop)
    for due in _batches(plan, shop):
        _build(plan.node, due, shop)
    if plan.gone:
        _remove(plan, shop)


def _batches(plan: TablePlan, shop: Workshop) -> Iterator[list[Due]]:
    """Due slices that are built together: as many as `run.batch_records` allows, at least one.

    All of them under a changed declaration, since a table half under the old one could not be read.
    """
    tables = (plan.node.quarantine, plan.node.table)
    if plan.due and not all(shop.lake.is_as_declared(table) for table in tables if table is not None):
        yield list(plan.due)
        return
    batch: list[Due] = []
    weight = 0
    for due in plan.due:
        records = shop.weight(plan.node, due)
        if batch and weight + records > shop.settings.run.batch_records:
            yield batch
            batch, weight = [], 0
        batch.append(due)
        weight += records
    if batch:
        yield batch


def _build(node: Node, due: Sequence[Due], shop: Workshop) -> None:
    started = time.monotonic()
    with shop.progress.building(node.stage, node.name, len(due)):
        outcome = _make(node, due, shop)
        staged: list[Staged] = []
        try:
            for frame, table in ((outcome.quarantine, node.quarantine), (outcome.table, node.table)):
                if frame is not None and table is not None:
                    staged.append(shop.lake.stage(shop.session, frame, table, shop.run_id))
            _refuse_unknown_labels(outcome, staged, shop)
            measured = {one.table.name: _measure(one, shop) for one in staged}
            steps = [] if outcome.steps is None else [row.asDict() for row in outcome.steps.collect()]
            batch = Batch(node, due, staged, measured, steps)
            _judge(batch, shop)
            _publish(batch, started, shop)
        finally:
            shop.lake.discard(staged)


def _measure(staged: Staged, shop: Workshop) -> Measured:
    rows = shop.lake.read_staged(shop.session, staged)
    return measure(rows, staged.table, shop.lake.staged_records(staged))


def _make(node: Node, due: Sequence[Due], shop: Workshop) -> Outcome:
    inputs = [shop.input(node, parameter, due) for parameter in node.parameters]
    made = node.function(*inputs, **{name: getattr(shop.settings, name) for name in node.sections})
    outcome = made if isinstance(made, Outcome) else Outcome(made)
    is_part = shop.years is not None and due[0].slice is None and "year" in node.table.slice
    return _within_years(outcome, shop.years) if is_part and shop.years else outcome


def _within_years(outcome: Outcome, years: tuple[int, int]) -> Outcome:
    """The years that may be published of a table built as one; the others are counted as left out."""
    table = cast(DataFrame, outcome.table)
    inside = F.col("year").between(*years)
    amount = F.sum("value_usd") if "value_usd" in table.columns else F.lit(None)
    left = table.where(~inside).agg(F.count("*").alias("records"), amount.cast("decimal(38,6)").alias("amount_usd"))
    steps = left.select(F.lit("dropped").alias("step"), F.lit(_OUTSIDE_YEARS).alias("rule"), "records", "amount_usd")
    also = steps if outcome.steps is None else outcome.steps.unionByName(steps, allowMissingColumns=True)
    return replace(outcome, table=table.where(inside), steps=also)


def _refuse_unknown_labels(outcome: Outcome, staged: Sequence[Staged], shop: Workshop) -> None:
    """Raises InputError naming every label in quarantine that no coding knows, with the first place where it stands."""
    if not outcome.unknown_labels:
        return
    rejected = shop.lake.read_staged(shop.session, staged[0])
    label = F.coalesce(
        *[
            F.when(F.col("rule") == rule, F.get_json_object("raw_text", f"$.{field}"))
            for rule, field in outcome.unknown_labels.items()
        ]
    )
    found = (
        rejected.select("layout", "file", "line", "raw_text", F.explode("rules").alias("rule"))
        .where(F.col("rule").isin(list(outcome.unknown_labels)))
        .groupBy("layout", F.regexp_replace("rule", "^unknown_", "").alias("field"), label.alias("label"))
        .agg(F.min(F.struct("file", "line")).alias("place"), F.count("*").alias("records"))
        .orderBy("field", "layout", "label")
        .limit(_UNKNOWN_LABELS_SHOWN)
        .collect()
    )
    if found:
        raise InputError(
            *[
                f"{row.place.file}, line {row.place.line}: `{row.label}` ({row.records:,} records) is no known "
                f"{row.field} of layout {row.layout}; add it under codings.{row.field} there, or under "
                f"clean.ignore_labels.{row.field} to leave such records out"
                for row in found
            ]
        )


def _judge(batch: Batch, shop: Workshop) -> None:
    """Raises GateError where a suite fails that may stop a run; all tables of the batch are judged first."""
    rejected = [m for name, m in batch.measured.items() if name != batch.node.name]
    left = [step["records"] for step in batch.steps if step["rule"] == _OUTSIDE_YEARS]
    dollars = sum((m.amount for m in rejected), Decimal(0))
    bounds = shop.bounds(batch.node, batch.due, sum(m.records for m in rejected), sum(left), dollars)
    judged = {}
    for one in batch.staged:
        name = one.table.name
        judged[name] = shop.gate.judge(name, shop.lake.read_staged(shop.session, one), SUITES[name](bounds))
        shop.manifest.record_verdicts(name, batch.slices or [], judged[name])
        shop.progress.judged(name, judged[name])
    for name, verdicts in judged.items():
        if any(verdict.stops for verdict in verdicts):
            raise GateError(name, verdicts)


def _publish(batch: Batch, started: float, shop: Workshop) -> None:
    """One commit per table, quarantine first, then the ledger, then the manifest row that names the versions.

    The manifest row comes last: a run killed before it builds the slice again, one killed after it has no more to do.
    """
    together: dict[str, list[Published]] = {}
    for one in batch.staged:
        measured = batch.measured[one.table.name]
        version = shop.lake.publish(one, _replaced(batch, one.table, measured, shop), shop.run_id)
        together[one.table.name] = list(_entries(batch, one.table, measured, version, shop))
    seconds = time.monotonic() - started
    _forget_vanished(batch, together, shop)
    _write_ledger(batch, shop)
    shop.manifest.record_published(together, batch.due[0].reason, seconds)
    _settle(batch, together[batch.node.name], shop)
    shop.progress.published(
        batch.node.stage, batch.node.name, batch.due, batch.measured[batch.node.name].records, seconds
    )


def _settle(batch: Batch, entries: Sequence[Published], shop: Workshop) -> None:
    """Tells the tables further on which slices there are; of a table built as one also those that `--years` left."""
    if batch.slices is None:
        entries = list(shop.manifest.slices(batch.node.name).values())
    shop.state.settle(batch.node.name, [(entry.slice, entry.fingerprint.digest) for entry in entries])


def _replaced(batch: Batch, table: Table, measured: Measured, shop: Workshop) -> Sequence[Slice] | None:
    """The slices that the new rows replace; None: the whole table."""
    if not table.slice or (batch.slices is None and shop.years is None) or not shop.lake.is_as_declared(table):
        return None
    return batch.slices if batch.slices is not None else [values for values, _, _ in measured.slices.values()]


def _entries(batch: Batch, table: Table, measured: Measured, version: int, shop: Workshop) -> Iterator[Published]:
    """A manifest entry for each slice of the batch, or for each that the rows tell; slices without rows included."""
    suite = suite_hash(batch.node, shop.settings)
    told = {slice_id(due.slice): (due.slice, due) for due in batch.due if due.slice is not None and table.slice}
    if not told:
        told = {text: (values, batch.due[0]) for text, (values, _, _) in measured.slices.items()}
    for text, (values, due) in (told or {"": ({}, batch.due[0])}).items():
        _, records, amount = measured.slices.get(text, (values, 0, None))
        yield Published(values, due.fingerprint, suite, version, records, amount)


def _forget_vanished(batch: Batch, together: Mapping[str, Sequence[Published]], shop: Workshop) -> None:
    """Slices of a table built whole that its rows no longer tell."""
    name = batch.node.name
    if batch.slices is not None or shop.years is not None:
        return
    now = {slice_id(entry.slice) for entry in together[name]}
    vanished = [text for text in shop.manifest.slices(name) if text not in now]
    if vanished:
        shop.manifest.record_ledger(name, vanished, [])
        shop.manifest.record_removed(name, vanished, together[name][0].version)


def _write_ledger(batch: Batch, shop: Workshop) -> None:
    rows = [
        row
        for due in batch.due
        for row in account(batch.node, due.slice, shop.came(batch.node, [due]), batch.measured, batch.steps)
    ]
    written = {row["slice_id"] for row in rows} | {slice_id(values) for values in batch.slices or []}
    shop.manifest.record_ledger(batch.node.name, written, rows)


def _remove(plan: TablePlan, shop: Workshop) -> None:
    gone = [slice_id(values) for values in plan.gone]
    shop.manifest.record_ledger(plan.node.name, gone, [])
    for table in (plan.node.quarantine, plan.node.table):
        if table is not None and table.slice and shop.lake.exists(table.name):
            version = shop.lake.remove_slices(shop.session, table, plan.gone, shop.run_id)
            shop.manifest.record_removed(table.name, gone, version)
    shop.progress.removed(plan.node.name, plan.gone)


def _gate_again(plan: TablePlan, shop: Workshop) -> None:
    """Changed suites judge what is published, quarantine too; nothing is rebuilt."""
    node, suite = plan.node, suite_hash(plan.node, shop.settings)
    published = shop.manifest.slices(node.name)
    entries = [published[slice_id(values)] for values in plan.regate]
    rejected = _rejected(plan, shop)
    due = [Due(e.slice, e.fingerprint, "suite changed") for e in entries]
    dollars = sum((entry.amount or Decimal(0) for entry in rejected), Decimal(0))
    bounds = shop.bounds(node, due, sum(entry.records for entry in rejected), rejected=dollars)
    judged = {table: _judge_published(table, plan.regate, bounds, shop) for table in _published_tables(node, shop)}
    for name, verdicts in judged.items():
        if any(verdict.stops for verdict in verdicts):
            raise GateError(name, verdicts)
    passed = [replace(entry, suite=suite) for entry in entries]
    shop.manifest.record_published({node.name: passed}, "suite changed", 0.0)


def _published_tables(node: Node, shop: Workshop) -> list[str]:
    tables = [table.name for table in (node.quarantine, node.table) if table is not None]
    return [name for name in tables if shop.lake.exists(name)]


def _rejected(plan: TablePlan, shop: Workshop) -> list[Published]:
    """What is in quarantine of the slices to gate again; all of it where it is not sliced."""
    quarantine = plan.node.quarantine
    if quarantine is None:
        return []
    wanted = {slice_id(values) for values in plan.regate} if quarantine.slice else {""}
    return [entry for text, entry in shop.manifest.slices(quarantine.name).items() if text in wanted]


def _judge_published(name: str, slices: Sequence[Slice], bounds: Bounds, shop: Workshop) -> list[Verdict]:
    frame = shop.lake.read(shop.session, name)
    judged = frame.where(in_slices(slices)) if TABLES[name].slice else frame
    verdicts = shop.gate.judge(name, judged, SUITES[name](bounds))
    shop.manifest.record_verdicts(name, slices, verdicts)
    shop.progress.judged(name, verdicts)
    return verdicts
