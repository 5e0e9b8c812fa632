"""The whole flow on the embedded universe: every planted defect is found, every cent accounted for."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from archive_files import read_archive
from deltalake import DeltaTable

from haiguan.jobs.analyst.query import connect
from haiguan.jobs.runtime.manifest import LEDGER
from haiguan.transforms.schema import TABLES

REJECTED = (
    "undecodable_line",
    "unsplittable_line",
    "malformed_period",
    "year_mismatch",
    "month_mismatch",
    "blank_direction",
    "malformed_firm_code",
    "malformed_product",
    "unknown_product",
    "blank_partner",
    "malformed_value",
    "blank_regime",
    "malformed_quantity",
)
FLAGGED = (
    "missing_quantity",
    "zero_quantity",
    "zero_value",
    "partner_is_declarant",
    "cut_to_eight",
    "unknown_district",
)
LEAST_PLANTED = {"month_mismatch": 2}  # one for each year with monthly files
OF_OTHER_INPUTS = ("core_countries__exchange_rates",)
# Nothing is planted that these would take.
NOTHING_TO_REJECT = ("quarantine_trade__flows",)
WITHOUT_TARGET = ("710820", "711890")  # monetary gold and coin, which no conversion table of the pack knows


@pytest.fixture(scope="module")
def ledger(universe) -> pd.DataFrame:
    return DeltaTable(str(universe.lake.path(LEDGER))).to_pandas()


@pytest.fixture(scope="module")
def defects(universe) -> pd.DataFrame:
    return pd.read_csv(universe.files / "truth" / "defects.csv", dtype={"amount_usd": str}, keep_default_na=False)


def _step(ledger: pd.DataFrame, table: str, step: str, rule: str | None = None) -> pd.DataFrame:
    rows = ledger[(ledger.table_name == table) & (ledger.step == step)]
    return rows if rule is None else rows[rows.rule == rule]


@pytest.mark.parametrize("rule", REJECTED)
def test_ledger_counts_exactly_the_planted_defects(ledger, defects, rule):
    planted = (defects.rule == rule).sum()
    assert planted >= LEAST_PLANTED.get(rule, 3)
    assert _step(ledger, "core_customs__declarations", "quarantined", rule).records.sum() == planted


@pytest.mark.parametrize("rule", FLAGGED)
def test_ledger_counts_exactly_the_planted_flags(ledger, defects, rule):
    planted = (defects.rule == rule).sum()
    assert planted >= 3
    assert _step(ledger, "core_customs__declarations", "flagged", rule).records.sum() == planted


def test_no_other_rule_is_found(ledger):
    found = set(_step(ledger, "core_customs__declarations", "quarantined").rule)
    assert found == set(REJECTED)


def test_every_planted_defect_is_quarantined_at_its_line(universe, defects):
    planted = defects[defects.rule.isin(REJECTED)]
    quarantine = universe.lake.read_on_driver("quarantine_customs__declarations")
    found = {(row.file, row.line, row.rules[0]) for row in quarantine.itertuples()}
    assert found == {(row.file, int(row.line), row.rule) for row in planted.itertuples()}


def test_repeated_files_are_read_once_and_counted_with_their_dollars(universe, ledger, defects):
    repeated = defects[defects.rule == "repeated_file"].file.tolist()
    lines = sum((universe.files / "customs" / file).read_bytes().count(b"\n") - 1 for file in repeated)
    found = _step(ledger, "core_customs__declarations", "repeated", "repeated_file")
    assert found.records.sum() == lines
    assert (found.amount_usd > 0).all()


@pytest.mark.parametrize("rule", ["identical_row", "repeated_block"])
def test_repeated_records_are_counted_with_their_dollars_and_kept(ledger, defects, rule):
    planted = defects[defects.rule == rule]
    assert len(planted) >= 3
    found = _step(ledger, "core_customs__declarations", "alike", rule)
    assert found.records.sum() == len(planted)
    assert found.amount_usd.sum() == sum(map(Decimal, planted.amount_usd))


def test_records_in_are_records_out_and_quarantined(ledger):
    of_table = ledger[ledger.table_name == "core_customs__declarations"]
    for _, year in of_table.groupby("slice_id"):
        records = year.groupby("step").records.sum()
        assert records["in"] == records["out"] + records["quarantined"]


def test_every_line_of_every_file_is_a_raw_record(universe):
    lines = {(line.file, line.number) for line in read_archive(universe.files / "customs")}
    raw = DeltaTable(str(universe.lake.path("raw_customs__declarations"))).to_pyarrow_table(columns=["file", "line"])
    assert raw.num_rows == len(lines)
    assert set(zip(raw["file"].to_pylist(), raw["line"].to_pylist(), strict=True)) == lines


def test_value_is_conserved_to_the_cent_from_the_truth_to_the_flows(universe):
    truth = pd.read_csv(universe.files / "truth" / "totals.csv", dtype={"value_usd": str})
    expected = {(row.year, row.direction): Decimal(row.value_usd) for row in truth.itertuples()}
    for tables in (["core_customs__declarations"], ["core_customs__annual_flows", "quarantine_customs__annual_flows"]):
        columns = ["year", "direction", "value_usd"]
        parts = [DeltaTable(str(universe.lake.path(table))).to_pandas(columns=columns) for table in tables]
        assert pd.concat(parts).groupby(["year", "direction"]).value_usd.sum().to_dict() == expected, tables


def test_flows_are_the_planted_flows_row_for_row(universe):
    key = list(TABLES["core_customs__annual_flows"].key)
    planted = pd.read_parquet(universe.files / "truth" / "flows.parquet")
    has_target = ~planted.product_code.str[:6].isin(WITHOUT_TARGET)
    truth = _in_1996(planted[has_target], key)
    flows = DeltaTable(str(universe.lake.path("core_customs__annual_flows"))).to_pandas()
    both = flows.merge(truth, on=key, how="outer", suffixes=("", "_planted"), indicator=True, validate="1:1")
    assert (both._merge == "both").all()
    assert (both.value_usd == both.value_usd_planted).all()
    assert (both.declarations == both.declarations_planted).all()
    assert not flows.is_apportioned.any()
    rejected = DeltaTable(str(universe.lake.path("quarantine_customs__annual_flows"))).to_pandas()
    assert {rule for rules in rejected.rules for rule in rules} == {"unmapped_code"}
    told = [*(name for name in key if name != "unit_code"), "value_usd", "declarations"]
    both = (rejected[told], planted.loc[~has_target, told])
    found, expected = (set(frame.itertuples(index=False, name=None)) for frame in both)
    assert found == expected
    assert len(expected) >= 3


def _in_1996(flows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The planted flows under the codes that the embedded pack itself gives them, read as plain text.

    Chapters 98 and 99 are no part of the HS and keep their headings.
    """
    pack = pd.read_csv(Path(__file__).parents[2] / "conf" / "codes" / "concordance.csv", dtype=str)
    used = pack[(pack.target_revision == "HS1996") & (pack.kind == "conversion")]
    of = dict(zip(zip(used.source_revision, used.source_code, strict=True), used.target_code, strict=True))
    headings = zip(flows.hs_revision, flows.product_code.str[:6], strict=True)
    codes = [
        heading if revision == "HS1996" or heading.startswith(("98", "99")) else of[revision, heading]
        for revision, heading in headings
    ]
    return (
        flows.assign(product_code=codes, hs_revision="HS1996")
        .groupby(key, as_index=False)[["value_usd", "declarations"]]
        .sum()
    )


def test_planted_coefficient_lies_in_the_confidence_interval(universe):
    import json

    planted = json.loads((universe.files / "truth" / "coefficients.json").read_text())
    estimates = universe.lake.read_on_driver("result_studies__estimates")
    found = estimates[(estimates.study == "exports") & (estimates.term == planted["term"])]
    assert len(found) >= 1
    assert (found.ci_low < planted["value"]).all()
    assert (planted["value"] < found.ci_high).all()


def test_the_figure_of_the_regression_table_has_its_slope(universe):
    estimates = universe.lake.read_on_driver("result_studies__estimates").query("study == 'exports' and position == 1")
    points = universe.lake.read_on_driver("result_studies__plots").query("item == 'table_1_imports'")
    assert points.mark.value_counts().to_dict() == {"points": 20, "line": 2}
    line = points[points.mark == "line"].sort_values("x")
    slope = line.value.diff().iloc[-1] / line.x.diff().iloc[-1]
    assert slope == pytest.approx(estimates.estimate.item(), rel=1e-7)


def test_a_second_run_does_nothing(universe):
    tables = universe.lake.published()
    before = {name: DeltaTable(str(universe.lake.path(name))).version() for name in tables}
    said = universe.run()
    after = {name: DeltaTable(str(universe.lake.path(name))).version() for name in before}
    assert "nothing to do" in said
    assert {name for name in before if before[name] != after[name]} == {"ops_runs__manifest"}


@pytest.mark.parametrize("table", [name for name in TABLES if name not in NOTHING_TO_REJECT + OF_OTHER_INPUTS])
def test_every_table_is_read_by_duckdb_polars_and_pandas(universe, table):
    path = str(universe.lake.path(table))
    pandas_rows = len(DeltaTable(path).to_pandas())
    polars_frame = pl.read_delta(path)
    with connect() as connection:
        (duckdb_rows,) = connection.execute(f"SELECT count(*) FROM delta_scan('{path}')").fetchone()
    assert pandas_rows == len(polars_frame) == duckdb_rows > 0
    assert polars_frame.columns == list(TABLES[table].column_names)
    assert DeltaTable(path).protocol().min_reader_version == 1


@pytest.mark.slow
def test_years_publish_their_slices_only_and_a_later_run_the_rest(universe, tmp_path):
    """UN Comtrade files tell their years by their rows only; the gate must know what is left out on purpose."""
    target = {"lake": tmp_path / "lake", "targets": ("core_trade__flows",)}
    universe.run(years=(2004, 2004), **target)
    flows = pl.read_delta(str(tmp_path / "lake" / "core/trade__flows"))
    assert set(flows["year"]) == {2004}
    ledger = pl.read_delta(str(tmp_path / "lake" / "ops/runs__ledger"))
    counted = dict(ledger.group_by("step").agg(pl.col("records").sum()).iter_rows())
    assert counted["in"] == counted["out"] + counted["dropped"]
    universe.run(**target)
    assert set(pl.read_delta(str(tmp_path / "lake" / "core/trade__flows"))["year"]) == {2003, 2004, 2007}
