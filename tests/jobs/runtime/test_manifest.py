"""What runs leave behind is read back as it was written, by the next run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable

from haiguan.expectations.gate import Verdict
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.contents import Content
from haiguan.jobs.runtime.inventory import File, Known
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.layouts import load_layouts
from haiguan.jobs.runtime.manifest import (
    GATES,
    LEDGER,
    MANIFEST,
    Fingerprint,
    Manifest,
    Published,
    parse_slice,
    slice_id,
)
from haiguan.transforms.schema import TABLES

TABLE = "core_customs__annual_flows"
ENTRY = Published({"year": 2003}, Fingerprint("i", "s", "c"), "suite", 4, 10, Decimal("12.34"))


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    delta.create(lake.path(TABLE), TABLES[TABLE])
    delta.append(lake.path(TABLE), TABLES[TABLE], [], "run-0")
    return lake


def _file(name: str, sha256: str = "abc") -> File:
    modified = datetime(2026, 1, 2, 3, 4, 5, 678901, timezone.utc)
    content = Content(Path(name), name, "text", "", "", 10, modified)
    return File(content, sha256, load_layouts("customs")[0], "UTF-8", ",", ("a",), 7, 2003)


@pytest.mark.parametrize("values", [{}, {"year": 2004}, {"year": 2004, "file_id": "00ff"}, {"study": "a"}])
def test_a_slice_is_read_back_from_its_text(values):
    assert parse_slice(slice_id(values)) == values


def test_published_slices_are_read_back(lake):
    manifest = Manifest(lake, "run-1")
    manifest.record_published({TABLE: [ENTRY, replace(ENTRY, slice={"year": 2004}, amount=None)]}, "new", 1.5)
    for later in (manifest, Manifest(lake, "run-2")):
        assert list(later.slices(TABLE)) == ["year=2003", "year=2004"]
        assert later.slices(TABLE)["year=2003"] == ENTRY
        assert later.slices(TABLE)["year=2004"].amount is None


def test_tables_that_belong_together_are_written_in_one_commit(lake):
    Manifest(lake, "run-1").record_run("started", command="haiguan run")
    manifest = Manifest(lake, "run-2")
    manifest.record_published({"quarantine_customs__declarations": [ENTRY], TABLE: [ENTRY]}, "new", 1.0)
    last = DeltaTable(str(lake.path(MANIFEST))).version()
    assert [delta.read(lake.path(MANIFEST), ["name"], version).num_rows for version in (last - 1, last)] == [1, 3]


def test_the_last_entry_counts(lake):
    manifest = Manifest(lake, "run-1")
    manifest.record_published({TABLE: [ENTRY]}, "new", 1.0)
    manifest.record_published({TABLE: [replace(ENTRY, version=9)]}, "input changed", 1.0)
    assert Manifest(lake, "run-2").slices(TABLE)["year=2003"].version == 9
    manifest.record_removed(TABLE, ["year=2003"], 10)
    assert Manifest(lake, "run-3").slices(TABLE) == manifest.slices(TABLE) == {}
    manifest.record_published({TABLE: [ENTRY]}, "new", 1.0)
    assert list(Manifest(lake, "run-4").slices(TABLE)) == ["year=2003"]


def test_a_table_that_somebody_deleted_has_no_slices(lake):
    manifest = Manifest(lake, "run-1")
    manifest.record_published({"core_trade__flows": [ENTRY]}, "new", 1.0)
    assert manifest.slices("core_trade__flows") == {}


def test_files_are_known_to_the_next_run(lake):
    Manifest(lake, "run-1").record_files("customs", [_file("a/2003.csv")])
    known = Manifest(lake, "run-2").known_files("customs")
    assert known == {"a/2003.csv": Known(10, _file("").content.modified_at, "abc", "UTF-8", ("a",), 7)}
    assert Manifest(lake, "run-2").known_files("comtrade") == {}


def test_copies_of_files_are_remembered_too_so_that_they_are_not_hashed_at_every_run(lake):
    file = replace(_file("a.csv"), repeats=(_file("a(1).csv"),))
    Manifest(lake, "run-1").record_files("customs", [file])
    again = Manifest(lake, "run-2")
    assert again.known_files("customs").keys() == {"a.csv", "a(1).csv"}
    version = delta.DeltaTable(str(lake.path("ops_runs__manifest"))).version()
    again.record_files("customs", [file])
    assert delta.DeltaTable(str(lake.path("ops_runs__manifest"))).version() == version


def test_unchanged_files_are_not_written_again(lake):
    manifest = Manifest(lake, "run-1")
    manifest.record_files("customs", [_file("a"), _file("b")])
    manifest.record_files("customs", [_file("a"), _file("b", "new")])
    rows = delta.read(lake.path(MANIFEST), ["slice_id", "fingerprint"]).to_pylist()
    assert sorted((row["slice_id"], row["fingerprint"]) for row in rows) == [("a", "abc"), ("b", "abc"), ("b", "new")]


def test_the_ledger_of_a_slice_is_replaced_and_no_other(lake):
    manifest = Manifest(lake, "run-1")
    row = {"step": "out", "rule": "", "records": 1, "amount_usd": None}
    manifest.record_ledger(TABLE, ["year=2003"], [{"slice_id": "year=2003", **row}])
    manifest.record_ledger(TABLE, ["year=2004"], [{"slice_id": "year=2004", **row}])
    manifest.record_ledger("other", ["year=2003"], [{"slice_id": "year=2003", **row}])
    manifest.record_ledger(TABLE, ["year=2003"], [{"slice_id": "year=2003", **row, "records": 5}])
    manifest.record_ledger(TABLE, ["year=2004"], [])
    rows = delta.read(lake.path(LEDGER)).to_pylist()
    assert sorted((r["table_name"], r["slice_id"], r["records"]) for r in rows) == [
        (TABLE, "year=2003", 5),
        ("other", "year=2003", 1),
    ]


def test_an_account_of_no_slice_is_nothing_to_write(lake):
    manifest = Manifest(lake, "run-1")
    row = {"slice_id": "year=2003", "step": "out", "rule": "", "records": 1, "amount_usd": None}
    manifest.record_ledger(TABLE, ["year=2003"], [row])
    manifest.record_ledger(TABLE, [], [])
    assert delta.read(lake.path(LEDGER)).num_rows == 1


def test_verdicts_are_kept_with_the_slices_they_judge(lake):
    verdict = Verdict("expect_x(column=y)", "warning", False, 10, 2, None, None)
    Manifest(lake, "run-1").record_verdicts(TABLE, [{"year": 2003}, {"year": 2004}], [verdict])
    (row,) = delta.read(lake.path(GATES)).to_pylist()
    assert (row["slice_id"], row["is_success"], row["unexpected"]) == ("year=2003 .. year=2004 (2 slices)", False, 2)


def test_a_run_is_recorded_with_its_exit_code(lake):
    manifest = Manifest(lake, "run-1")
    manifest.record_run("started", command="haiguan run", code_revision="abc", details="{}")
    manifest.record_run("ended", command="haiguan run", code_revision="abc", exit_code=3, seconds=1.0)
    rows = delta.read(lake.path(MANIFEST), ["status", "name", "exit_code"]).to_pylist()
    assert sorted(map(tuple, (row.values() for row in rows)), key=str) == [
        ("ended", "haiguan run", 3),
        ("started", "haiguan run", None),
    ]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Fingerprint("i", "s", "c"), ""),
        (Fingerprint("j", "s", "c"), "input changed"),
        (Fingerprint("j", "t", "d"), "input changed, settings changed, code changed"),
    ],
)
def test_what_changed_is_the_reason(other, said):
    assert ENTRY.fingerprint.differs(other) == said
    assert (ENTRY.fingerprint.digest == other.digest) is (said == "")
