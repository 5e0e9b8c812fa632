"""Building: slices of a table made, staged, gated and published together, and the account of them written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
from haiguan.expectations.declared import Bounds
from haiguan.expectations.gate import Gate, Verdict
from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime.graph import Node
from haiguan.jobs.runtime.lake import Lake, Slice, Staged, in_slices
from haiguan.jobs.runtime.ledger import Measured, account, measure
from haiguan.jobs.runtime.manifest import Manifest, Published, slice_id
from haiguan.jobs.runtime.plan import Due, State, TablePlan, agrees, suite_hash
from haiguan.jobs.runtime.progress import Progress
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.errors import InputError
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.schema import Table
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

_UNKNOWN_LABELS_SHOWN = 100


class GateError(RuntimeError):
    """A gate stopped the run (exit code 3)."""

    def __init__(self, table: str, verdicts: Sequence[Verdict]) -> None:
        super().__init__(f"{table}: the gate did not let the new rows pass; the published table is as it was")
        self.table = table
        self.verdicts = [verdict for verdict in verdicts if verdict.stops]


@dataclass(frozen=True)
class Workshop:
    """What building needs: the session, the lake, its records, the gate, the settings and where to say what is done."""

    session: SparkSession
    lake: Lake
    manifest: Manifest
    gate: Gate
    settings: Settings
    state: State
    progress: Progress
    run_id: str
    years: tuple[int, int] | None


def carry_out(plan: TablePlan, shop: Workshop) -> None:
    """Builds what is due of a table, gates again what a changed suite must judge, removes what has lost its input.

    Raises:
        GateError: a gate stopped it; nothing of the batch is published.
        InputError: the data hold labels that no coding knows.
    """
    if plan.gone:
        _remove(plan, shop)
    if plan.regate:
        _gate_again(plan, shop)
    for batch in _batches(plan, shop):
        _build(plan.node, batch, shop)


def _batches(plan: TablePlan, shop: Workshop) -> Iterator[list[Due]]:
    """Due slices that are built together: as many as `run.batch_records` allows, at least one."""
    batch: list[Due] = []
    weight = 0
    for due in plan.due:
        records = _records_in(plan.node, [due], shop) or 0
        if batch and weight + records > shop.settings.run.batch_records:
            yield batch
            batch, weight = [], 0
        batch.append(due)
        weight += records
    if batch:
        yield batch


def _build(node: Node, batch: Sequence[Due], shop: Workshop) -> None:
    started = time.monotonic()
    slices = None if batch[0].slice is None else [due.slice or {} for due in batch]
    with shop.progress.building(node.stage, node.name, len(batch)):
        outcome = _made(node, batch, shop)
        _refuse_unknown_labels(outcome)
        staged = _staged(node, outcome, shop)
        try:
            measured = {one.table.name: measure(shop.lake.read_staged(shop.session, one), one.table) for one in staged}
            _judge(node, batch, staged, measured, shop)
            _publish(node, batch, slices, staged, measured, outcome, started, shop)
        except BaseException:
            for one in staged:
                if (one.path / "_delta_log").exists():
                    shop.lake.discard(one)
            raise


def _made(node: Node, batch: Sequence[Due], shop: Workshop) -> Outcome:
    arguments = [_argument(node, parameter, batch, shop) for parameter in _parameters(node)]
    sections = {name: getattr(shop.settings, name) for name in node.sections}
    made = node.function(*arguments, **sections)
    outcome = made if isinstance(made, Outcome) else Outcome(made)
    if shop.years and batch[0].slice is None and "year" in node.table.slice:
        return Outcome(outcome.table.where(F.col("year").between(*shop.years)), outcome.quarantine)  # type: ignore[operator]
    return outcome


def _parameters(node: Node) -> list[str]:
    """The positional parameters in the order of the signature."""
    code = node.function.__code__
    return list(code.co_varnames[: code.co_argcount])


def _argument(node: Node, parameter: str, batch: Sequence[Due], shop: Workshop) -> DataFrame | pd.DataFrame | None:
    if parameter.startswith("files_"):
        source = shop.state.sources[parameter.removeprefix("files_")]
        read = [values for values in source.slices.values() if _is_read(node.table, parameter, values, batch)]
        return source.read(shop.session, read)
    if parameter in node.optional and not shop.lake.exists(parameter):
        return None
    if parameter in node.on_driver:
        return shop.lake.read_on_driver(parameter)
    frame = shop.lake.read(shop.session, parameter)
    published = [entry.slice for entry in shop.manifest.slices(parameter).values()]
    wanted = [values for values in published if _is_read(node.table, parameter, values, batch)]
    if len(wanted) == len(published) or not wanted:
        return frame
    return frame.where(in_slices(wanted, list(wanted[0])))


def _is_read(table: Table, parameter: str, values: Slice, batch: Sequence[Due]) -> bool:
    return any(due.slice is None or agrees(table, due.slice, values, parameter) for due in batch)


def _refuse_unknown_labels(outcome: Outcome) -> None:
    """Raises InputError naming every label that no coding knows, with the first place where it stands."""
    if outcome.unknown is None:
        return
    found = outcome.unknown.orderBy("field", "layout", "label").limit(_UNKNOWN_LABELS_SHOWN).collect()
    if found:
        raise InputError(
            *[
                f"{row.file}, line {row.line}: `{row.label}` is no known {row.field} of layout {row.layout}; add it under "
                f"codings.{row.field} of the layout, or under clean.ignore_labels.{row.field} to leave such records out"
                for row in found
            ]
        )


def _staged(node: Node, outcome: Outcome, shop: Workshop) -> list[Staged]:
    """Quarantine first, the table last: the order in which they are published."""
    together = [(outcome.quarantine, node.quarantine), (outcome.table, node.table)]
    return [
        shop.lake.stage(shop.session, frame, table, shop.run_id)
        for frame, table in together
        if frame is not None and table is not None
    ]


def _judge(
    node: Node,
    batch: Sequence[Due],
    staged: Sequence[Staged],
    measured: Mapping[str, Measured],
    shop: Workshop,
) -> None:
    """Raises GateError where a suite fails that may stop a run; all tables of the batch are judged first."""
    bounds = _bounds(node, batch, measured, shop)
    slices = [due.slice or {} for due in batch]
    failed = None
    for one in staged:
        name = one.table.name
        verdicts = shop.gate.judge(name, shop.lake.read_staged(shop.session, one), SUITES[name](bounds))
        shop.manifest.record_verdicts(name, slices, verdicts)
        shop.progress.judged(name, verdicts)
        if failed is None and any(verdict.stops for verdict in verdicts):
            failed = GateError(name, verdicts)
    if failed is not None:
        raise failed


def _bounds(node: Node, batch: Sequence[Due], measured: Mapping[str, Measured], shop: Workshop) -> Bounds:
    quarantined = measured[node.quarantine.name].records if node.quarantine and node.quarantine.name in measured else 0
    return Bounds(
        records_in=_records_in(node, batch, shop),
        amount_in=_amount_in(node, batch, shop),
        quarantined=quarantined,
        quarantined_share=shop.settings.gates.quarantined_share,
        key_sample_above=shop.settings.gates.key_sample_above,
    )


def _accounted(node: Node, batch: Sequence[Due], shop: Workshop) -> list[Published]:
    """The published slices of the input whose records the table accounts for or sums up."""
    name = node.table.accounts_for or node.table.merges
    if name is None:
        return []
    return [entry for entry in shop.manifest.slices(name).values() if _is_read(node.table, name, entry.slice, batch)]


def _records_in(node: Node, batch: Sequence[Due], shop: Workshop) -> int | None:
    if node.table.accounts_for is None and node.table.merges is None:
        return None
    return sum(entry.records for entry in _accounted(node, batch, shop))


def _amount_in(node: Node, batch: Sequence[Due], shop: Workshop) -> Decimal | None:
    amounts = [entry.amount for entry in _accounted(node, batch, shop)]
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _publish(
    node: Node,
    batch: Sequence[Due],
    slices: Sequence[Slice] | None,
    staged: Sequence[Staged],
    measured: Mapping[str, Measured],
    outcome: Outcome,
    started: float,
    shop: Workshop,
) -> None:
    """One commit per table, quarantine first, then the manifest row that names the versions, then the ledger."""
    steps = [] if outcome.steps is None else [row.asDict() for row in outcome.steps.collect()]
    together: dict[str, list[Published]] = {}
    for one in staged:
        replaced = _replaced(one.table, slices, measured[one.table.name], shop)
        version = shop.lake.publish(one, replaced, shop.run_id)
        together[one.table.name] = list(_entries(node, batch, one.table, measured[one.table.name], version, shop))
    seconds = time.monotonic() - started
    _forget_vanished(node, slices, together, shop)
    shop.manifest.record_published(together, batch[0].reason, seconds)
    _write_ledger(node, batch, measured, steps, shop)
    _settle(node, together[node.name], shop)
    shop.progress.published(node.stage, node.name, batch, measured[node.name].records, seconds)


def _replaced(
    table: Table, slices: Sequence[Slice] | None, measured: Measured, shop: Workshop
) -> Sequence[Slice] | None:
    """The slices that the new rows replace; None: the whole table."""
    if not table.slice or (slices is None and shop.years is None):
        return None
    return slices if slices is not None else [values for values, _, _ in measured.slices.values()]


def _entries(
    node: Node, batch: Sequence[Due], table: Table, measured: Measured, version: int, shop: Workshop
) -> Iterator[Published]:
    """A manifest entry for each slice of the batch, or for each that the rows tell; slices without rows included."""
    suite = suite_hash(node.name, shop.settings)
    told = {slice_id(due.slice): (due.slice, due) for due in batch if due.slice is not None and table.slice}
    if not told:
        told = {text: (values, batch[0]) for text, (values, _, _) in measured.slices.items()} or {"": ({}, batch[0])}
    for text, (values, due) in told.items():
        _, records, amount = measured.slices.get(text, (values, 0, None))
        yield Published(values, due.fingerprint, suite, version, records, amount)


def _forget_vanished(
    node: Node, slices: Sequence[Slice] | None, together: Mapping[str, Sequence[Published]], shop: Workshop
) -> None:
    """Slices of a table built whole that its rows no longer tell."""
    if slices is not None:
        return
    now = {slice_id(entry.slice) for entry in together[node.name]}
    vanished = [text for text in shop.manifest.slices(node.name) if text not in now and shop.years is None]
    if vanished:
        shop.manifest.record_removed(node.name, vanished, together[node.name][0].version)


def _write_ledger(
    node: Node,
    batch: Sequence[Due],
    measured: Mapping[str, Measured],
    steps: Sequence[Mapping[str, Any]],
    shop: Workshop,
) -> None:
    rows = []
    accounted = node.table.accounts_for or node.table.merges
    for due in batch:
        came = _accounted(node, [due], shop) if accounted else None
        rows += account(node, due.slice, came, measured, steps)
    if rows:
        shop.manifest.record_ledger(node.name, {row["slice_id"] for row in rows}, rows)


def _settle(node: Node, entries: Sequence[Published], shop: Workshop) -> None:
    """Enters the slices just published where the tables further on look them up."""
    known = shop.state.tables.get(node.name) or {}
    known.update({slice_id(entry.slice): (entry.slice, entry.fingerprint.digest) for entry in entries})
    shop.state.tables[node.name] = known


def _remove(plan: TablePlan, shop: Workshop) -> None:
    for table in (plan.node.quarantine, plan.node.table):
        if table is not None and table.slice and shop.lake.exists(table.name):
            version = shop.lake.remove_slices(shop.session, table, plan.gone, shop.run_id)
            shop.manifest.record_removed(table.name, [slice_id(values) for values in plan.gone], version)
    shop.manifest.record_ledger(plan.node.name, {slice_id(values) for values in plan.gone}, [])
    shop.progress.removed(plan.node.name, plan.gone)


def _gate_again(plan: TablePlan, shop: Workshop) -> None:
    """A changed suite judges what is published; nothing is rebuilt."""
    node = plan.node
    published = shop.manifest.slices(node.name)
    entries = [published[slice_id(values)] for values in plan.regate]
    batch = [Due(entry.slice, entry.fingerprint, "suite changed") for entry in entries]
    quarantined = sum(
        shop.manifest.slices(node.quarantine.name)[slice_id(e.slice)].records
        for e in entries
        if node.quarantine and slice_id(e.slice) in shop.manifest.slices(node.quarantine.name)
    )
    bounds = Bounds(
        _records_in(node, batch, shop),
        _amount_in(node, batch, shop),
        quarantined,
        shop.settings.gates.quarantined_share,
        shop.settings.gates.key_sample_above,
    )
    frame = shop.lake.read(shop.session, node.name)
    if node.table.slice:
        frame = frame.where(in_slices(plan.regate, node.table.slice))
    verdicts = shop.gate.judge(node.name, frame, SUITES[node.name](bounds))
    shop.manifest.record_verdicts(node.name, plan.regate, verdicts)
    shop.progress.judged(node.name, verdicts)
    if any(verdict.stops for verdict in verdicts):
        raise GateError(node.name, verdicts)
    suite = suite_hash(node.name, shop.settings)
    passed = [Published(e.slice, e.fingerprint, suite, e.version, e.records, e.amount) for e in entries]
    shop.manifest.record_published({node.name: passed}, "suite changed", 0.0)
