from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from haiguan.jobs.analyst.catalogue import data_files, declared, list_tables, open_lake, published, stored
from haiguan.jobs.analyst.dictionary import describe_table
from haiguan.jobs.analyst.history import table_history
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.manifest import MANIFEST
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import TABLES

CONCENTRATION = "measure_products__concentration"


def test_tables_are_listed_with_rows_per_slice_version_and_last_run(lake):
    by_name = {entry.table.name: entry for entry in list_tables(lake)}
    assert list(by_name) == ["core_countries__codes", CONCENTRATION]
    assert by_name[CONCENTRATION].rows == {"year=2003": 2, "year=2004": 1}
    assert by_name["core_countries__codes"].rows == {"": 3}
    assert (by_name[CONCENTRATION].version, by_name[CONCENTRATION].run_id) == (2, "run-1")


def test_a_table_created_but_not_published_is_not_listed(lake):
    delta.create(lake.path("core_products__codes"), TABLES["core_products__codes"])
    assert "core_products__codes" not in [entry.table.name for entry in list_tables(lake)]


def test_rows_replaced_are_not_counted(lake, publish, product):
    publish(lake, CONCENTRATION, [product(2003, "848620", "1.00")], "run-2", replacing="year = 2003")
    entry = next(e for e in list_tables(lake) if e.table.name == CONCENTRATION)
    assert (entry.rows, entry.run_id) == ({"year=2003": 1, "year=2004": 1}, "run-2")


def test_an_unknown_table_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="core_trade_flow: no table has this name; the nearest is core_trade__flows"):
        declared("core_trade_flow")


def test_a_declared_table_that_is_not_published_says_how_to_build_it(lake):
    with pytest.raises(InputError, match=r"haiguan run --to core_trade__flows.*nearest that is: core_countries__codes"):
        published(lake, "core_trade__flows")


@pytest.mark.parametrize("version", ["3", "-1", "newest"])
def test_a_version_that_is_not_there_names_those_that_are(lake, version):
    with pytest.raises(InputError, match="a number from 0 to 2, or latest"):
        stored(lake, CONCENTRATION, version)


def test_a_missing_lake_is_said_and_not_made(tmp_path):
    with pytest.raises(InputError, match="there is no lake here"):
        open_lake(str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_left_empty(tmp_path):
    with pytest.raises(InputError, match="there is no lake here"):
        open_lake(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_lake_opens_by_its_uri(lake):
    assert open_lake(lake.root.as_uri()).root == lake.root


@pytest.mark.parametrize("folder", ["with blank", "海关", "hash#"])
def test_files_are_found_in_folders_of_any_name(tmp_path, publish, product, folder):
    made = Lake(str(tmp_path / folder))
    publish(made, CONCENTRATION, [product(2003, "848620", "1.00")])
    files = data_files(stored(made, CONCENTRATION))
    assert len(files) == 1
    assert all(file.is_file() for file in files)


@pytest.fixture
def recorded(lake, publish):
    """The lake with the manifest rows of the run that published year 2003 of the concentration table."""
    told = {"run_id": "run-1", "recorded_at": datetime(2026, 1, 2, tzinfo=timezone.utc)}
    slice_row = {"entry": "slice", "name": CONCENTRATION, "slice_id": "year=2003", "status": "published"}
    made_from = json.dumps({"inputs": "a", "settings": "b", "code": "c"})
    facts = {"reason": "input changed", "delta_version": 2, "records": 2, "fingerprint": made_from}
    run = {"entry": "run", "name": "haiguan run", "slice_id": "", "status": "started", "code_revision": "abc123"}
    publish(lake, MANIFEST, [{**told, **slice_row, **facts}, {**told, **run}])
    return lake


def test_a_description_names_what_the_table_is_made_from_and_by_which_run(recorded):
    told = describe_table(CONCENTRATION, recorded)
    assert (told.stage, told.inputs, told.is_as_declared) == ("measure", ("core_trade__flows",), True)
    first, second = told.slices
    assert (first.slice_id, first.rows, first.run_id, first.code_revision) == ("year=2003", 2, "run-1", "abc123")
    assert (first.reason, first.version) == ("input changed", 2)
    assert (second.slice_id, second.rows, second.run_id) == ("year=2004", 1, None)


def test_a_description_needs_no_lake():
    told = describe_table("core_trade__flows", None)
    assert (told.published, told.slices, told.inputs) == (None, (), ("raw_trade__comtrade",))


def test_quarantine_is_made_with_the_table_that_rejects():
    assert describe_table("quarantine_trade__flows", None).stage == "clean"
    assert describe_table("raw_trade__comtrade", None).sources == ("comtrade",)


def test_history_tells_rows_run_and_reason_of_every_version(recorded, publish, product):
    publish(recorded, CONCENTRATION, [product(2005, "848620", "1.00")], "run-2")
    newest, published_first, *set_up = table_history(recorded, CONCENTRATION)
    assert (newest.version, newest.rows, newest.run_id, newest.slices) == (3, 4, "run-2", ())
    assert (published_first.rows, published_first.run_id) == (3, "run-1")
    assert (published_first.slices, published_first.reasons) == (("year=2003",), ("input changed",))
    assert [(commit.version, commit.rows, commit.run_id) for commit in set_up] == [(1, 0, None), (0, 0, None)]


def test_history_can_be_cut(lake):
    assert [commit.version for commit in table_history(lake, CONCENTRATION, limit=1)] == [2]


def test_rows_of_a_file_without_a_count_are_read_from_the_file(lake):
    log = Path(lake.path("core_countries__codes") / "_delta_log")
    commit = max(log.glob("*.json"))
    actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["stats"] = None
    commit.write_text("\n".join(json.dumps(action) for action in actions), encoding="utf-8")
    assert next(iter(list_tables(lake))).rows == {"": 3}
