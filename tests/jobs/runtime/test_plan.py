"""What is due, and why: fingerprints of inputs, settings and code against those in the manifest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime import plan as planning
from haiguan.jobs.runtime.graph import Stage, build_graph
from haiguan.jobs.runtime.manifest import Published, slice_id
from haiguan.jobs.runtime.plan import State, plan_table, without_unavailable
from haiguan.jobs.runtime.sources import Source
from haiguan.transforms.schema import TABLES as DECLARED
from haiguan.transforms.schema import Reads, Table
from haiguan.transforms.schema.columns import pick


class Cutoff(BaseModel):
    threshold: float


def raw_made__lines(files_made):
    return files_made


def core_made__records(raw_made__lines, *, cutoff: Cutoff):
    return raw_made__lines


def core_made__history(core_made__records):
    return core_made__records


def core_made__dynamic(raw_made__lines):
    return raw_made__lines


def measure_made__years(core_made__dynamic):
    return core_made__dynamic


def panel_made__all(core_made__records):
    return core_made__records


def suite(bounds):
    return []


FUNCTIONS = (
    raw_made__lines,
    core_made__records,
    core_made__history,
    core_made__dynamic,
    measure_made__years,
    panel_made__all,
)
COLUMNS = pick("year file_id line")


def _declare(name: str, slices: tuple[str, ...], **declared) -> Table:
    return Table(name, "a row", COLUMNS, key=("year", "file_id", "line"), slice=slices, **declared)


TABLES = {
    table.name: table
    for table in (
        _declare("raw_made__lines", ("year", "file_id")),
        _declare("core_made__records", ("year",)),
        _declare("core_made__history", ("year",), reads={"core_made__records": Reads.EARLIER}),
        _declare("core_made__dynamic", ("line",)),
        _declare("measure_made__years", ("line",)),
        _declare("panel_made__all", ()),
    )
}
GRAPH = build_graph([Stage("all", FUNCTIONS)], TABLES)


@dataclass
class World:
    """A source, a manifest and settings to plan with."""

    files: dict[tuple[int, str], str]
    threshold: float = 0.5
    published: dict[str, dict[str, Published]] = field(default_factory=dict)
    redeclared: frozenset[str] = frozenset()
    graph: dict = field(default_factory=lambda: dict(GRAPH))

    def slices(self, table: str) -> dict[str, Published]:
        return self.published.get(table, {})

    def is_as_declared(self, table: Table) -> bool:
        return table.name not in self.redeclared

    def plans(self, years: tuple[int, int] | None = None) -> dict:
        slices = {slice_id(v): v for year, file in self.files for v in [{"year": year, "file_id": file}]}
        prints = {slice_id({"year": year, "file_id": file}): text for (year, file), text in self.files.items()}
        state = State(sources={"made": Source(slices, prints, lambda *_: None, sliced_by=("year", "file_id"))})
        settings = SimpleNamespace(
            cutoff=Cutoff(threshold=self.threshold),
            gates=SimpleNamespace(quarantined_share=0.05, key_sample_above=10),
        )
        return {n: plan_table(node, state, self, settings, self, years) for n, node in self.graph.items()}

    def publish(self, years=None, lines: tuple[int, ...] = (1, 2)) -> None:
        """Plays a run: what is planned is entered as published, dynamic tables with the slices given."""
        while True:
            done = False
            for name, plan in self.plans(years).items():
                table = self.published.setdefault(name, {})
                suites = planning.suite_hash(
                    plan.node, SimpleNamespace(gates=SimpleNamespace(quarantined_share=0.05, key_sample_above=10))
                )
                for values in plan.gone:
                    del table[slice_id(values)]
                for due in plan.due:
                    told = [due.slice] if due.slice is not None else [{"line": line} for line in lines]
                    for values in told:
                        table[slice_id(values)] = Published(values, due.fingerprint, suites, 1, 1, None)
                done = done or bool(plan.due or plan.gone)
            if not done:
                return


@pytest.fixture(autouse=True)
def suites(monkeypatch):
    for name in TABLES:
        monkeypatch.setitem(SUITES, name, suite)
        monkeypatch.setitem(DECLARED, name, TABLES[name])


@pytest.fixture
def world() -> World:
    return World({(2003, "a"): "A", (2003, "b"): "B", (2004, "c"): "C"})


def _due(plans: dict) -> dict[str, dict[str, str]]:
    return {
        name: {slice_id(due.slice) if due.slice is not None else "whole": due.reason for due in plan.due}
        for name, plan in plans.items()
        if plan.due
    }


def test_at_first_everything_is_new(world):
    plans = world.plans()
    assert _due(plans) == {
        "raw_made__lines": {"year=2003/file_id=a": "new", "year=2003/file_id=b": "new", "year=2004/file_id=c": "new"},
        "core_made__records": {"year=2003": "new", "year=2004": "new"},
        "core_made__history": {"year=2003": "new", "year=2004": "new"},
        "core_made__dynamic": {"whole": "new"},
        "panel_made__all": {"": "new"},
    }
    assert plans["measure_made__years"].awaits == "core_made__dynamic"


def test_after_publishing_nothing_is_due(world):
    world.publish()
    plans = world.plans()
    assert not any(plan.has_work for plan in plans.values())
    assert [slice_id(values) for values in plans["measure_made__years"].unchanged] == ["line=1", "line=2"]


def test_the_order_of_files_does_not_count(world):
    world.publish()
    world.files = dict(reversed(world.files.items()))
    assert not any(plan.has_work for plan in world.plans().values())


def test_a_changed_file_is_followed_to_what_reads_it_and_no_further(world):
    world.publish()
    world.files[2004, "c"] = "C2"
    assert _due(world.plans()) == {
        "raw_made__lines": {"year=2004/file_id=c": "input changed"},
        "core_made__records": {"year=2004": "input changed"},
        "core_made__history": {"year=2004": "input changed"},
        "core_made__dynamic": {"whole": "input changed"},
        "panel_made__all": {"": "input changed"},
    }


def test_a_table_that_reads_earlier_slices_is_rebuilt_for_later_ones(world):
    world.publish()
    world.files[2003, "a"] = "A2"
    assert _due(world.plans())["core_made__history"] == {"year=2003": "input changed", "year=2004": "input changed"}
    assert _due(world.plans())["core_made__records"] == {"year=2003": "input changed"}


def test_a_changed_setting_rebuilds_the_tables_that_read_it_and_those_after(world):
    world.publish()
    world.threshold = 0.7
    due = _due(world.plans())
    assert due.keys() == {"core_made__records", "core_made__history", "panel_made__all"}
    assert set(due["core_made__records"].values()) == {"settings changed"}
    assert set(due["panel_made__all"].values()) == {"input changed"}


def test_changed_code_rebuilds_the_table(world, monkeypatch):
    world.publish()
    kept = planning.code_hash
    monkeypatch.setattr(planning, "code_hash", lambda f: "new" if f is core_made__records else kept(f))
    assert set(_due(world.plans())["core_made__records"].values()) == {"code changed"}
    assert "raw_made__lines" not in _due(world.plans())


def test_several_reasons_are_all_told(world, monkeypatch):
    world.publish()
    world.files[2003, "a"], world.threshold = "A2", 0.7
    assert _due(world.plans())["core_made__records"]["year=2003"] == "input changed, settings changed"


def test_a_changed_suite_gates_again_and_rebuilds_nothing(world, monkeypatch):
    def stricter(bounds):
        return [bounds]

    world.publish()
    monkeypatch.setitem(SUITES, "core_made__records", stricter)
    monkeypatch.setitem(SUITES, "core_made__dynamic", stricter)
    plans = world.plans()
    assert _due(plans) == {}
    assert {name: [slice_id(v) for v in plan.regate] for name, plan in plans.items() if plan.regate} == {
        "core_made__records": ["year=2003", "year=2004"],
        "core_made__dynamic": ["line=1", "line=2"],
    }


def test_a_table_whose_slices_its_rows_tell_is_gated_again_as_one(world, monkeypatch):
    world.publish()
    stale = world.published["core_made__dynamic"]["line=1"]
    world.published["core_made__dynamic"]["line=1"] = replace(stale, suite="old")
    assert len(world.plans()["core_made__dynamic"].regate) == 2


@pytest.mark.parametrize("setting", ["quarantined_share", "key_sample_above"])
def test_settings_by_which_suites_judge_are_part_of_them(world, setting):
    gates = SimpleNamespace(quarantined_share=0.05, key_sample_above=10)
    node = GRAPH["core_made__records"]
    before = planning.suite_hash(node, SimpleNamespace(gates=gates))
    setattr(gates, setting, 0.01)
    assert planning.suite_hash(node, SimpleNamespace(gates=gates)) != before


def test_a_slice_whose_file_is_gone_is_removed(world):
    world.publish()
    del world.files[2004, "c"]
    plans = world.plans()
    assert {name: [slice_id(v) for v in plan.gone] for name, plan in plans.items() if plan.gone} == {
        "raw_made__lines": ["year=2004/file_id=c"],
        "core_made__records": ["year=2004"],
        "core_made__history": ["year=2004"],
    }
    assert _due(plans).keys() == {"core_made__dynamic", "panel_made__all"}


def test_slices_outside_the_years_are_left_stale_and_what_reads_them_sees_the_old_ones(world):
    world.publish()
    world.files |= {(2003, "a"): "A2", (2004, "c"): "C2"}
    plans = world.plans(years=(2004, 2004))
    assert _due(plans)["core_made__records"] == {"year=2004": "input changed"}
    assert [slice_id(values) for values in plans["raw_made__lines"].left_stale] == ["year=2003/file_id=a"]
    assert [slice_id(values) for values in plans["core_made__records"].unchanged] == ["year=2003"]
    world.publish(years=(2004, 2004))
    assert _due(world.plans())["core_made__records"] == {"year=2003": "input changed"}


def test_slices_outside_the_years_are_not_removed(world):
    world.publish()
    del world.files[2004, "c"]
    assert world.plans(years=(2003, 2003))["core_made__records"].gone == ()


def test_a_changed_declaration_rebuilds_every_slice_whatever_the_years(world):
    world.publish()
    world.redeclared = frozenset({"core_made__records"})
    due = _due(world.plans(years=(2004, 2004)))
    assert due == {"core_made__records": {"year=2003": "declaration changed", "year=2004": "declaration changed"}}


def test_a_table_without_input_slices_is_not_taken_for_one_whose_rows_tell_them(world):
    world.files = {}
    plans = world.plans()
    assert "core_made__records" not in _due(plans)
    assert "raw_made__lines" not in _due(plans)


def test_all_files_gone_removes_every_slice(world):
    world.publish()
    world.files = {}
    plans = world.plans()
    assert [slice_id(values) for values in plans["core_made__records"].gone] == ["year=2003", "year=2004"]


def test_years_that_a_dynamic_table_left_out_are_built_later(world, monkeypatch):
    by_year = replace(TABLES["core_made__dynamic"], slice=("year",))
    raw = replace(TABLES["raw_made__lines"], slice=("file_id",))
    monkeypatch.setitem(DECLARED, "core_made__dynamic", by_year)
    monkeypatch.setitem(DECLARED, "raw_made__lines", raw)
    node = replace(GRAPH["core_made__dynamic"], table=by_year)
    world.graph = {"raw_made__lines": replace(GRAPH["raw_made__lines"], table=raw), "core_made__dynamic": node}
    plan = world.plans(years=(2004, 2004))["core_made__dynamic"]
    (due,) = plan.due
    published = Published(
        {"year": 2004},
        due.fingerprint,
        planning.suite_hash(node, SimpleNamespace(gates=SimpleNamespace(quarantined_share=0.05, key_sample_above=10))),
        1,
        1,
        None,
    )
    world.published = {"core_made__dynamic": {"year=2004": published}}
    world.published["raw_made__lines"] = {
        slice_id(due.slice): Published(due.slice, due.fingerprint, "", 1, 1, None)
        for due in world.plans()["raw_made__lines"].due
    }
    assert not world.plans(years=(2004, 2004))["core_made__dynamic"].due
    assert world.plans()["core_made__dynamic"].due, "the other years would never be built"


def test_what_lacks_an_input_says_which():
    order, lacking = without_unavailable(list(GRAPH), GRAPH, [])
    assert order == []
    assert set(lacking.values()) == {"inputs.made"}
