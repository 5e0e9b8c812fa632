"""The report on a customs archive: planted defects found again, keyword sets, breaks, coverage."""

from __future__ import annotations

import re

import pytest

from haiguan.jobs.reporting.customs import Customs, customs_of
from haiguan.jobs.reporting.record import read_record
from haiguan.jobs.reporting.truth import REPEATED_FILE

PLANTED = {
    "undecodable_line",
    "unsplittable_line",
    "blank_direction",
    "blank_partner",
    "blank_regime",
    "malformed_value",
    "malformed_quantity",
    "partner_is_declarant",
    REPEATED_FILE,
}


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
    assert all(by_rule[rule].false == 0 for rule in PLANTED)


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


def test_the_archive_is_covered_by_what_its_own_statistics_office_publishes(customs, universe):
    assert {row["published_by"] for row in customs.coverage} == {"national", "comtrade"}
    assert {row["coverage_verdict"] for row in customs.coverage} == {"covered"}
    assert all(row["coverage_ratio"] <= 1 for row in customs.coverage if row["published_by"] == "national")
