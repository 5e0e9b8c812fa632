"""All years of the archive, 2000 to 2016, from every layout and container to harmonised flows."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from archive_files import ALL_YEARS
from deltalake import DeltaTable
from universe import Universe

from haiguan.jobs.reporting.record import Record, read_record
from haiguan.jobs.reporting.truth import REPEATED_FILE, planted_and_found
from haiguan.jobs.runtime.lake import Lake
from haiguan.transforms.simulation.editions import YEARS
from haiguan.transforms.simulation.rules import FLAGS, OUTLIER, REJECTING, REPEATED_BLOCK

RAW, DECLARATIONS = "raw_customs__declarations", "core_customs__declarations"
FLOWS, UNMAPPED_FLOWS = "core_customs__annual_flows", "quarantine_customs__annual_flows"
# What says which of two editions is read, and which labels are left out on purpose.
CHOICES = ("run.editions={2000: monthly}", "clean.ignore_labels={partner: [火星, '998']}")


@pytest.fixture(scope="module")
def universe(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Universe:
    folder = tmp_path_factory.mktemp("all_years")
    made = Universe(archive, Lake(str(folder / "lake")), folder / "reports", "")
    return Universe(archive, made.lake, made.reports, made.run(*CHOICES, targets=(FLOWS,)))


@pytest.fixture(scope="module")
def record(universe: Universe) -> Record:
    manifest = universe.lake.read_on_driver("ops_runs__manifest")
    (run_id,) = manifest[manifest.entry == "run"].run_id.unique()
    return read_record(universe.lake, run_id)


@pytest.fixture(scope="module")
def totals(archive: Path) -> dict[tuple[int, str], Decimal]:
    truth = pd.read_csv(archive / "truth" / "totals.csv", dtype={"value_usd": str})
    return {(row.year, row.direction): Decimal(row.value_usd) for row in truth.itertuples()}


def _by_year_and_direction(universe: Universe, *tables: str) -> dict[tuple[int, str], Decimal]:
    columns = ["year", "direction", "value_usd"]
    parts = [DeltaTable(str(universe.lake.path(table))).to_pandas(columns=columns) for table in tables]
    return pd.concat(parts).groupby(["year", "direction"]).value_usd.sum().to_dict()


@pytest.mark.slow
def test_the_run_ends_well_and_leaves_no_slice_out(universe: Universe, record: Record, archive: Path):
    assert record.run.exit_code == 0
    paths = {path.relative_to(archive / "customs").as_posix() for path in (archive / "customs").rglob("*.*")}
    zipped = {"2015/2015.zip/2015_01.dta", "2015/2015.zip/2015_02.dta"}
    expected = paths - {"2015/2015.zip", "2000/listed_2000.dta"} | zipped
    assert {file.name for file in record.files} == expected
    assert len(record.slices[RAW]) == len([path for path in expected if "(1)" not in path])
    for table in (DECLARATIONS, FLOWS):
        assert set(record.slices[table]) == {f"year={year}" for year in YEARS}


def test_records_in_are_records_out_and_quarantined(record: Record):
    steps = pd.DataFrame(record.ledger)
    of_table = steps[steps.table_name == DECLARATIONS]
    counts = of_table.groupby(["slice_id", "step"]).records.sum().unstack(fill_value=0)
    assert len(counts) == len(YEARS)
    assert (counts["in"] == counts["out"] + counts["quarantined"]).all()
    assert counts["in"].sum() == record.records(RAW)


def test_value_is_that_of_the_truth_to_the_cent_at_each_step(universe: Universe, totals: dict):
    assert len(totals) == 2 * len(YEARS)
    assert _by_year_and_direction(universe, DECLARATIONS) == totals
    assert _by_year_and_direction(universe, FLOWS, UNMAPPED_FLOWS) == totals


def test_flows_in_quarantine_are_those_planted_without_a_target(universe: Universe, archive: Path):
    flows = pd.read_parquet(archive / "truth" / "flows.parquet")
    planted = flows[flows.product_code.str[:6].isin(["710820", "711890"])]
    found = DeltaTable(str(universe.lake.path(UNMAPPED_FLOWS))).to_pandas()
    key = ["year", "firm_code", "product_code", "partner_code", "regime", "direction", "value_usd"]
    assert len(planted) >= 3
    assert set(found[key].itertuples(index=False, name=None)) == set(planted[key].itertuples(index=False, name=None))
    assert {rule for rules in found.rules for rule in rules} == {"unmapped_code"}


def test_every_planted_defect_is_found_and_nothing_else(universe: Universe, record: Record, archive: Path):
    found = {entry.rule: entry for entry in planted_and_found(universe.lake, record, str(archive / "customs"))}
    assert set(found) == {*REJECTING, *FLAGS, REPEATED_BLOCK, REPEATED_FILE}
    assert "ignored_label" in ALL_YEARS.also
    assert all(entry.planted >= 2 for entry in found.values())
    assert {rule: entry.missed for rule, entry in found.items() if entry.missed} == {}
    # some records lie far out by chance
    assert {rule: entry.false for rule, entry in found.items() if entry.false and rule != OUTLIER} == {}


def test_what_a_layout_does_not_tell_is_not_made_up(universe: Universe):
    """2009 tells general from processing trade and no more, 2011 no months, 2016 no quantities."""
    columns = ["year", "month", "regime", "quantity"]
    rows = DeltaTable(str(universe.lake.path(DECLARATIONS))).to_pandas(columns=columns)
    of = dict(iter(rows.groupby("year")))
    assert set(rows.year[rows.month.isna()]) == {2011}
    assert of[2011].month.isna().all()
    assert of[2016].quantity.isna().all()
    unspecified = {year for year, frame in of.items() if (frame.regime == "processing_unspecified").any()}
    assert unspecified == {2009, *range(2012, 2017)}
