"""What a run would build, slice by slice, and why: fingerprints compared with those in the manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime.code import code_hash
from haiguan.jobs.runtime.delta import declaration_hash
from haiguan.jobs.runtime.graph import Node
from haiguan.jobs.runtime.lake import Lake, Slice
from haiguan.jobs.runtime.manifest import Fingerprint, Manifest, Published, slice_id
from haiguan.jobs.runtime.settings import Settings
from haiguan.jobs.runtime.sources import Source
from haiguan.transforms.schema import TABLES, Reads, Table


@dataclass(frozen=True)
class Due:
    """A slice to build; None as the slice: all slices of a table whose slices only its rows can tell."""

    slice: Slice | None
    fingerprint: Fingerprint
    reason: str


@dataclass(frozen=True)
class TablePlan:
    """What a run does about one table.

    Attributes:
        node: of the table.
        due: slices to build.
        unchanged: slices that stay as they are.
        regate: of those, the ones to gate again because the suite changed.
        gone: published slices whose input is no longer there.
        left_stale: slices that are due and that `--years` leaves out.
        awaits: the input whose slices must be built before those of this table are known.
    """

    node: Node
    due: tuple[Due, ...] = ()
    unchanged: tuple[Slice, ...] = ()
    regate: tuple[Slice, ...] = ()
    gone: tuple[Slice, ...] = ()
    left_stale: tuple[Slice, ...] = ()
    awaits: str | None = None

    @property
    def has_work(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.due or self.regate or self.gone or self.awaits)


Tables = dict[str, dict[str, tuple[Slice, str]] | None]
"""Table -> slice id -> slice and digest; None where the slices are not known yet."""


@dataclass
class State:
    """Slice id -> slice and digest, of every table and source that tables further on read.

    Attributes:
        tables: as they will be after what is planned so far; None for a table whose slices are not known yet.
        sources: opened sources by name.
    """

    sources: Mapping[str, Source]
    tables: Tables = field(default_factory=dict)

    def settle(self, table: str, slices: Iterable[tuple[Slice, str]]) -> None:
        """Enters slices just published where the tables further on look them up."""
        known = self.tables.get(table) or {}
        self.tables[table] = {**known, **{slice_id(values): (values, digest) for values, digest in slices}}


def plan_table(
    node: Node, state: State, manifest: Manifest, settings: Settings, lake: Lake, years: tuple[int, int] | None
) -> TablePlan:
    """The plan of one table, given what is planned for those it reads; enters its slices into `state`."""
    awaited = next((name for name in node.inputs if name in state.tables and state.tables[name] is None), None)
    if awaited is not None:
        state.tables[node.name] = None
        return TablePlan(node, awaits=awaited)
    wanted = _wanted_slices(node, state)
    if wanted is None:
        return _plan_whole(node, state, manifest, settings, years)
    plan = _plan_slices(node, wanted, state, manifest, settings, lake, years)
    published = manifest.slices(node.name)
    state.tables[node.name] = {
        slice_id(due.slice or {}): (due.slice or {}, due.fingerprint.digest) for due in plan.due
    } | {
        slice_id(values): (values, published[slice_id(values)].fingerprint.digest)
        for values in (*plan.unchanged, *plan.left_stale)
        if slice_id(values) in published
    }
    return plan


def _wanted_slices(node: Node, state: State) -> dict[str, Slice] | None:
    """The slices that the inputs call for; None where no input is sliced so, and only the rows can tell."""
    if not node.table.slice:
        return {"": {}}
    telling = [name for name, columns in _sliced_by(node, state).items() if set(node.table.slice) <= set(columns)]
    if not telling:
        return None
    inputs = _input_slices(node, state)
    found = [
        {column: values[column] for column in node.table.slice}
        for name in telling
        for values, _ in inputs[name].values()
    ]
    return dict(sorted((slice_id(values), values) for values in found))


def _sliced_by(node: Node, state: State) -> dict[str, tuple[str, ...]]:
    """Input -> the columns by which it is sliced, whether it holds slices just now or not."""
    there = [name for name in node.inputs if name in state.tables or name not in node.optional]
    return {
        **{f"files_{name}": state.sources[name].sliced_by for name in node.sources},
        **{name: TABLES[name].slice for name in there},
    }


def _input_slices(node: Node, state: State) -> dict[str, dict[str, tuple[Slice, str]]]:
    """Input -> slice id -> slice and digest, sources first, each input once."""
    found: dict[str, dict[str, tuple[Slice, str]]] = {}
    for name in node.sources:
        source = state.sources[name]
        found[f"files_{name}"] = {text: (values, source.fingerprints[text]) for text, values in source.slices.items()}
    found.update({name: state.tables.get(name) or {} for name in node.inputs})
    return found


def reads(table: Table, name: str, values: Slice) -> bool:
    """Whether the table reads only the same slices of an input that is sliced as `values`."""
    declared = table.reads.get(name)
    return declared is Reads.SAME or (declared is None and bool(set(table.slice) & set(values)))


def agrees(table: Table, values: Slice, other: Slice, name: str) -> bool:
    """Whether a slice `other` of input `name` belongs to what the slice `values` of the table reads."""
    common = [column for column in table.slice if column in other]
    if table.reads.get(name) is Reads.EARLIER:
        return all(other[column] <= values[column] for column in common)
    return not reads(table, name, other) or all(values[column] == other[column] for column in common)


def _plan_slices(
    node: Node,
    wanted: Mapping[str, Slice],
    state: State,
    manifest: Manifest,
    settings: Settings,
    lake: Lake,
    years: tuple[int, int] | None,
) -> TablePlan:
    published = manifest.slices(node.name)
    redeclared = not all(lake.is_as_declared(table) for table in (node.table, node.quarantine) if table is not None)
    due, unchanged = [], []
    for text, values in wanted.items():
        print_now = fingerprint(node, values, state, settings)
        before = published.get(text)
        reason = "new" if before is None else print_now.differs(before.fingerprint)
        if reason or redeclared:
            due.append(Due(values, print_now, reason or "declaration changed"))
        else:
            unchanged.append(values)
    inside = [entry for entry in due if redeclared or _within(entry.slice, years)]
    suite = suite_hash(node, settings)
    return TablePlan(
        node=node,
        due=tuple(inside),
        unchanged=tuple(unchanged),
        regate=tuple(values for values in unchanged if published[slice_id(values)].suite != suite),
        gone=tuple(
            entry.slice
            for text, entry in published.items()
            if text not in wanted and (redeclared or _within(entry.slice, years))
        ),
        left_stale=tuple(entry.slice for entry in due if entry not in inside and entry.slice is not None),
    )


def _plan_whole(
    node: Node, state: State, manifest: Manifest, settings: Settings, years: tuple[int, int] | None
) -> TablePlan:
    """A table whose slices only its rows can tell is built as one.

    Where `years` leaves a part of it out, its slices bear a fingerprint of their own, so that a later run without
    `years` sees that there is more to build.
    """
    whole = fingerprint(node, {}, state, settings)
    is_part = years is not None and "year" in node.table.slice
    now = replace(whole, inputs=_hash([whole.inputs, years])) if is_part else whole
    entries = list(manifest.slices(node.name).values())
    inside = [entry for entry in entries if _within(entry.slice, years)]
    stale = [entry for entry in entries if entry.fingerprint != whole]
    if entries and (not stale or (inside and all(entry.fingerprint in (whole, now) for entry in inside))):
        return _as_published(node, entries, stale if is_part else [], state, settings)
    reasons = {now.differs(entry.fingerprint) for entry in inside} - {""}
    state.tables[node.name] = None
    return TablePlan(node, due=(Due(None, now, max(reasons, default="new")),))


def _as_published(
    node: Node, entries: Sequence[Published], stale: Sequence[Published], state: State, settings: Settings
) -> TablePlan:
    """A table of one build stays as it is; it is gated again as one too, since its input is accounted for as one."""
    state.tables[node.name] = {slice_id(e.slice): (e.slice, e.fingerprint.digest) for e in entries}
    suite = suite_hash(node, settings)
    slices = tuple(entry.slice for entry in entries)
    return TablePlan(
        node,
        unchanged=slices,
        regate=slices if any(entry.suite != suite for entry in entries) else (),
        left_stale=tuple(entry.slice for entry in stale),
    )


def _within(values: Slice | None, years: tuple[int, int] | None) -> bool:
    return years is None or values is None or "year" not in values or years[0] <= values["year"] <= years[1]


def fingerprint(node: Node, values: Slice, state: State, settings: Settings) -> Fingerprint:
    """The hashes of the input slices that a slice reads, of the settings and of the code."""
    inputs = {
        name: sorted(
            (text, digest) for text, (other, digest) in slices.items() if agrees(node.table, values, other, name)
        )
        for name, slices in _input_slices(node, state).items()
    }
    sections = {name: getattr(settings, name).model_dump(mode="json") for name in node.sections}
    declarations = [declaration_hash(table) for table in (node.table, node.quarantine) if table is not None]
    return Fingerprint(
        inputs=_hash(inputs), settings=_hash(sections), code=_hash([code_hash(node.function), declarations])
    )


def suite_hash(node: Node, settings: Settings) -> str:
    """Hash of the suites of a table and its quarantine, and of the settings by which they judge."""
    tables = [table.name for table in (node.table, node.quarantine) if table is not None]
    judged_by = [settings.gates.quarantined_share, settings.gates.key_sample_above]
    return _hash([[code_hash(SUITES[name]) for name in tables], judged_by])


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def without_unavailable(
    order: Sequence[str], graph: Mapping[str, Node], available: Iterable[str]
) -> tuple[list[str], dict[str, str]]:
    """Tables that can be built from the sources there are, and for each other one what it lacks."""
    there = set(available)
    lacking: dict[str, str] = {}
    for name in order:
        node = graph[name]
        missing = [f"inputs.{source}" for source in node.sources if source not in there]
        missing += [
            lacking[required] for required in node.inputs if required in lacking and required not in node.optional
        ]
        if missing:
            lacking[name] = missing[0]
    return [name for name in order if name not in lacking], lacking
