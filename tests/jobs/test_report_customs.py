"""The report on a customs archive: planted defects found again, keyword sets, breaks, coverage."""

from __future__ import annotations

import re
from decimal import Decimal

import pandas as pd
import pytest

from haiguan.jobs.reporting.customs import Customs, customs_of
from haiguan.jobs.reporting.record import read_record
from haiguan.jobs.reporting.truth import REPEATED_FILE
from haiguan.transforms.simulation.rules import FLAGS, ON_REQUEST, OUTLIER, REJECTING, REPEATED_BLOCK

# What is planted on request only, and a rule of years that are not there.
NOT_PLANTED = {*ON_REQUEST, "period_overruled"}
PLANTED = {*REJECTING, *FLAGS, REPEATED_BLOCK, REPEATED_FILE} - NOT_PLANTED


@pytest.fixture(scope="module")
def defects(universe) -> pd.DataFrame:
    return pd.read_csv(universe.files / "truth" / "defects.csv", dtype={"amount_usd": str}, keep_default_na=False)


@pytest.fixture(scope="module")
def customs(universe) -> Customs:
    manifest = universe.lake.read_on_driver("ops_runs__manifest")
    (run_id, *_) = manifest[manifest.entry == "run"].run_id
    return customs_of(universe.lake, read_record(universe.lake, run_id), universe.settings())


def test_every_planted_defect_is_found_and_no_sound_record_rejected(customs):
    by_rule = {entry.rule: entry for entry in customs.defects}
    assert set(by_rule) >= PLANTED
    assert all(by_rule[rule].planted > 0 for rule in PLANTED)
    assert {rule: entry.missed for rule, entry in by_rule.items() if entry.missed and "firms" not in rule} == {}
    assert all(by_rule[rule].false == 0 for rule in PLANTED - {OUTLIER})  # which some are by chance


def test_places_and_intermediaries_are_those_of_the_truth(customs):
    by_rule = {entry.rule: entry for entry in customs.defects}
    places, intermediaries = by_rule["places, firms by year"], by_rule["intermediaries, firms by year"]
    assert places.found > 0.95 * places.planted
    assert intermediaries.found > intermediaries.planted / 2  # the set in use does not know every word
    assert intermediaries.false < 0.1 * intermediaries.planted


def test_wider_sets_of_keywords_make_more_intermediaries(customs):
    for year in {entry.year for entry in customs.keyword_sets}:
        sets = {entry.name: entry for entry in customs.keyword_sets if entry.year == year}
        assert sets["all_firms"].value_share == sets["all_firms"].declarations_share == 1
        assert 0 < sets["five"].value_usd <= sets["seventeen"].value_usd < sets["all_firms"].value_usd
        assert sets["seven"].firms <= sets["seventeen"].firms


def test_shares_of_a_series_add_up_in_every_year(customs):
    for series in ("firm_place_evidence", "goods_district", "partner_basis"):
        for direction in ("export", "import"):
            of_series = [b.shares for b in customs.breaks if (b.series, b.direction) == (series, direction)]
            sums = [sum(share or 0 for share in of_year) for of_year in zip(*of_series, strict=True)]
            assert sums == pytest.approx([1.0] * len(customs.years))


def test_the_page_shows_them(universe):
    page = (universe.reports / "index.html").read_text(encoding="utf-8")
    section = page[page.index('id="customs"') :]
    assert re.search(r"blank partner</th><td>(\d+)</td><td>\1</td><td>0</td><td>0</td>", section)
    assert "partner HKG" in section
    assert re.search(r"2007/2007_02.dta</td><td[^>]*>2007/2007_01.dta</td><td>15</td>", section)


def test_the_archive_is_covered_by_what_its_own_statistics_office_publishes(customs, universe):
    assert {row["published_by"] for row in customs.coverage} == {"national", "comtrade"}
    assert {row["coverage_verdict"] for row in customs.coverage} == {"covered"}


def test_the_archive_differs_from_national_totals_by_what_was_planted(customs, defects):
    """The office counts every legible record once; the archive lacks those rejected and has repeated blocks twice."""
    national = pd.DataFrame([row for row in customs.coverage if row["published_by"] == "national"])
    of_year = national.groupby("year")[["archive_value_usd", "published_value_usd"]].sum()
    sign = defects.rule.map({**dict.fromkeys(REJECTING, -1), REPEATED_BLOCK: 1}).fillna(0).astype(int)
    planted = sign * defects.amount_usd.map(lambda text: round(Decimal(text or 0), 2))
    expected = planted.groupby(defects.file.str[:4].astype(int)).sum()
    assert (of_year.archive_value_usd - of_year.published_value_usd).to_dict() == expected.to_dict()


def test_a_repeated_block_is_named_with_both_files_and_its_dollars(customs, defects):
    planted = defects[defects.rule == REPEATED_BLOCK]
    (block,) = customs.blocks
    assert (block.year, block.first_file) == (2007, "2007/2007_01.dta")
    assert {block.file} == set(planted.file)
    assert (block.records, block.amount_usd) == (len(planted), sum(map(Decimal, planted.amount_usd)))
