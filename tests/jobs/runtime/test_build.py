"""Slices are made, gated and published together; a run killed at any point is taken up by the next one."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from pyspark.sql import functions as F
from rich.console import Console

from haiguan.expectations.gate import Verdict
from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.build import GateError, carry_out
from haiguan.jobs.runtime.graph import Stage, build_graph
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.manifest import LEDGER, Manifest, slice_id
from haiguan.jobs.runtime.plan import State, plan_table
from haiguan.jobs.runtime.progress import Progress
from haiguan.jobs.runtime.sources import Source
from haiguan.jobs.runtime.workshop import Workshop
from haiguan.transforms.outcome import Outcome
from haiguan.transforms.schema import TABLES, Table
from haiguan.transforms.schema.columns import pick

RAW = Table("raw_made__lines", "a line", pick("year line value_text"), key=("year", "line"), slice=("year",))
CORE = Table(
    "core_made__records",
    "a record",
    pick("year line value_usd"),
    key=("year", "line"),
    slice=("year",),
    accounts_for="raw_made__lines",
)
QUARANTINE = Table(
    "quarantine_made__records",
    "a rejected record",
    pick("year line rules value_usd"),
    key=("year", "line"),
    slice=("year",),
    optional=frozenset({"value_usd"}),
    may_be_empty=True,
)


def raw_made__lines(files_made):
    return files_made


def core_made__records(raw_made__lines):
    value = F.expr("try_cast(value_text AS decimal(18,2))").alias("value_usd")
    good = raw_made__lines.select("year", "line", value)
    return Outcome(
        good.where("value_usd IS NOT NULL"),
        good.where("value_usd IS NULL").select("year", "line", F.array(F.lit("malformed")).alias("rules"), "value_usd"),
    )


class StubGate:
    """Lets pass all that it is not told to stop, and keeps what it was shown."""

    def __init__(self) -> None:
        self.stops: set[str] = set()
        self.seen: list[tuple[str, int, object]] = []

    def judge(self, table, frame, suite):
        self.seen.append((table, frame.count(), suite))
        return [Verdict("expected", "critical", table not in self.stops)]


@pytest.fixture
def flow(spark, tmp_path, monkeypatch):
    """Runs the two tables above on the years given; every run reads the lake afresh."""
    for table in (RAW, CORE, QUARANTINE):
        monkeypatch.setitem(TABLES, table.name, table)
        monkeypatch.setitem(SUITES, table.name, lambda bounds: bounds)
    lake, gate = Lake(str(tmp_path / "lake")), StubGate()
    monkeypatch.setattr("haiguan.jobs.runtime.plan.code_hash", lambda f: f.__name__)

    def run(contents: dict[int, list[str]], years=None, share=0.5, batch=100) -> list[str]:
        def read(session, slices):
            wanted = [v["year"] for v in slices]
            rows = [(y, n, t) for y in wanted for n, t in enumerate(contents[y], start=2)]
            return session.createDataFrame(rows, "year int, line bigint, value_text string")

        slices = {slice_id({"year": year}): {"year": year} for year in contents}
        prints = {slice_id({"year": year}): str(texts) for year, texts in contents.items()}
        records = {slice_id({"year": year}): len(texts) for year, texts in contents.items()}
        state = State({"made": Source(slices, prints, read, sliced_by=("year",), records=records)})
        settings = SimpleNamespace(
            gates=SimpleNamespace(quarantined_share=share, key_sample_above=100),
            run=SimpleNamespace(batch_records=batch),
        )
        screen = io.StringIO()
        shop = Workshop(
            spark, lake, Manifest(lake, "run"), gate, settings, state, Progress(Console(file=screen)), "run", years
        )
        graph = build_graph([Stage("made", (raw_made__lines, core_made__records))], TABLES)
        for node in graph.values():
            carry_out(plan_table(node, state, shop.manifest, settings, lake, years), shop)
        return screen.getvalue().splitlines()

    run.lake, run.gate = lake, gate
    return run


def _values(flow, table: str = CORE.name) -> list[tuple]:
    rows = delta.read(flow.lake.path(table)).to_pylist()
    return sorted((row["year"], row["line"], row.get("value_usd") and str(row["value_usd"])) for row in rows)


def _ledger(flow) -> dict[tuple[str, str], int]:
    rows = delta.read(flow.lake.path(LEDGER)).to_pylist()
    return {(row["slice_id"], row["step"]): row["records"] for row in rows if row["table_name"] == CORE.name}


CONTENTS = {2003: ["1.00", "x"], 2004: ["2.00"]}
ACCOUNT = {
    ("year=2003", "in"): 2,
    ("year=2003", "quarantined"): 1,
    ("year=2003", "out"): 1,
    ("year=2004", "in"): 1,
    ("year=2004", "out"): 1,
}


def test_records_in_are_out_or_in_quarantine_and_a_second_run_does_nothing(flow):
    flow(CONTENTS)
    assert _values(flow) == [(2003, 2, "1.00"), (2004, 2, "2.00")]
    assert _values(flow, QUARANTINE.name) == [(2003, 3, None)]
    assert _ledger(flow) == ACCOUNT
    assert flow(CONTENTS) == []


def test_a_changed_file_replaces_its_slice_and_a_missing_one_removes_it(flow):
    flow(CONTENTS)
    flow({2003: ["1.00", "5.00"]})
    assert _values(flow) == [(2003, 2, "1.00"), (2003, 3, "5.00")]
    assert _values(flow, QUARANTINE.name) == []
    assert _ledger(flow) == {("year=2003", "in"): 2, ("year=2003", "out"): 2}
    assert flow({2003: ["1.00", "5.00"]}) == []


@pytest.mark.parametrize("method", ["record_published", "record_ledger", "record_verdicts"])
def test_a_run_killed_between_its_commits_is_made_good_by_the_next(flow, monkeypatch, method):
    flow({2003: ["9.00"]})
    kept = getattr(Manifest, method)

    def killed(self, table, *rest):
        if table == CORE.name or (isinstance(table, dict) and CORE.name in table):
            raise KeyboardInterrupt
        return kept(self, table, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Manifest, method, killed)
        with pytest.raises(KeyboardInterrupt):
            flow(CONTENTS)
    flow(CONTENTS)
    assert _values(flow) == [(2003, 2, "1.00"), (2004, 2, "2.00")]
    assert _ledger(flow) == ACCOUNT
    assert flow(CONTENTS) == []


def test_a_run_killed_after_the_manifest_has_left_the_whole_account(flow, monkeypatch):
    kept = Manifest.record_published

    def killed(self, together, *rest):
        kept(self, together, *rest)
        if CORE.name in together:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Manifest, "record_published", killed)
        with pytest.raises(KeyboardInterrupt):
            flow(CONTENTS)
    flow(CONTENTS)
    assert _ledger(flow) == ACCOUNT


@pytest.mark.parametrize("stopped", [CORE.name, QUARANTINE.name])
def test_a_gate_that_stops_leaves_every_table_as_it_was(flow, stopped):
    flow({2003: ["9.00", "y", "z"]})
    flow.gate.stops = {stopped}
    with pytest.raises(GateError, match=stopped):
        flow(CONTENTS)
    assert _values(flow) == [(2003, 2, "9.00")]
    assert len(_values(flow, QUARANTINE.name)) == 2
    assert list(flow.lake.path(CORE.name).glob("staged/*/_delta_log")) == []


def test_a_lower_share_gates_quarantine_again_and_rebuilds_nothing(flow):
    flow(CONTENTS)
    flow.gate.seen.clear()
    said = flow(CONTENTS, share=0.1)
    assert said == []
    judged = {table: (rows, bounds.records_in, bounds.quarantined) for table, rows, bounds in flow.gate.seen}
    assert judged[QUARANTINE.name] == (1, 3, 1)
    assert judged[CORE.name] == (2, 3, 1)
    flow.gate.stops = {QUARANTINE.name}
    with pytest.raises(GateError, match=QUARANTINE.name):
        flow(CONTENTS, share=0.2)


@pytest.mark.parametrize("changed", [CORE, QUARANTINE], ids=lambda table: table.name)
def test_a_changed_declaration_rebuilds_all_slices_in_one_commit(flow, monkeypatch, changed):
    flow(CONTENTS)
    before = flow.lake.path(changed.name)
    version = delta.DeltaTable(str(before)).version()
    monkeypatch.setitem(TABLES, changed.name, replace(changed, grain="said anew"))
    flow(CONTENTS, years=(2004, 2004), batch=1)
    assert flow.lake.is_as_declared(TABLES[changed.name])
    assert _values(flow) == [(2003, 2, "1.00"), (2004, 2, "2.00")]
    history = delta.DeltaTable(str(before)).history()
    writes = [h for h in history if h["version"] > version and h["operation"] == "WRITE"]
    assert len(writes) == 1
    assert flow(CONTENTS) == []


def test_batches_hold_as_many_records_as_the_setting_allows(flow):
    said = flow({year: ["1.00", "2.00"] for year in (2003, 2004, 2005)}, batch=4)
    for table in (RAW, CORE):
        built = [line.split()[-1] for line in said if table.name in line]
        assert built == ["(2)", "year=2005"]
