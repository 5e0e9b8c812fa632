"""What the report says of product codes: chains that lead elsewhere, and families too large to mean anything."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal

import pytest
from products_tables import links, together

from haiguan.jobs.report import write_report
from haiguan.jobs.reporting.products import FAMILIES, Family, Route, family_sizes, products_of, routes
from haiguan.jobs.reporting.record import Record, read_record
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import read_settings
from haiguan.transforms.products.concordance import core_products__concordance
from haiguan.transforms.products.families import families
from haiguan.transforms.schema import TABLES

NOW = datetime(2004, 1, 1, tzinfo=timezone.utc)
FLOWS, CONCORDANCE = "core_customs__annual_flows", "core_products__concordance"
CONVERSIONS = """
    HS2002 010101 HS1996 010101
    HS2002 010102 HS1996 010102
    HS2007 010101 HS2002 010101
    HS2007 010102 HS2002 010101
    HS2007 010101 HS1996 010101
    HS2007 010102 HS1996 010102
    HS2012 010103 HS2007 010102
"""
LINKS = """
    HS2002 010101 HS1996 010101
    HS2002 010101 HS1996 010102
    HS2002 010101 HS1996 010103
    HS2002 020101 HS1996 020101
    HS2002 030101 HS1996 030101
    HS2002 030102 HS1996 030101
"""


@pytest.fixture(scope="module")
def concordance():
    return core_products__concordance(together(links(CONVERSIONS, "conversion"), links(LINKS, "correlation")))


@pytest.fixture(scope="module")
def lake(concordance, tmp_path_factory) -> Lake:
    """A lake that knows of a run, of flows, and of the codes of their products."""
    made = Lake(str(tmp_path_factory.mktemp("lake")))
    family_rows = families(links(LINKS, "correlation")).to_dict("records")
    rows = {FLOWS: [], CONCORDANCE: concordance.to_dict("records"), FAMILIES: family_rows}
    told = {"run_id": "run", "recorded_at": NOW, "slice_id": ""}
    entries = [{**told, "entry": "run", "name": "haiguan run", "status": "started", "details": "{}"}]
    for version, table in enumerate(rows, start=1):
        known = {"delta_version": version, "records": 1, "amount_usd": Decimal(1), "reason": "new"}
        entries.append({**told, "entry": "slice", "name": table, "status": "published", **known})
    operations = {"ops_runs__manifest": entries, "ops_runs__ledger": [], "ops_runs__gates": []}
    for table, content in {**operations, **rows}.items():
        delta.append(made.path(table), TABLES[table], content, "run")
    return made


def test_a_route_tells_the_codes_that_the_chain_sends_elsewhere(concordance):
    assert routes(concordance, "HS1996") == [
        Route("HS2002", True, codes=2, differing=0, examples=()),
        Route("HS2007", True, codes=2, differing=1, examples=(("010102", "010102", "010101"),)),
        Route("HS2012", False, codes=1, differing=0, examples=()),
    ]


def test_families_are_listed_from_the_largest_with_what_holds_them_together():
    sizes = family_sizes(families(links(LINKS, "correlation")), codes_at_most=2)
    assert (sizes.families, sizes.of_one_code) == (3, 1)
    assert sizes.largest == [
        Family("F96010101", 3, is_refused=True, linked_by=["010101 of HS2002"]),
        Family("F96030101", 2, is_refused=False, linked_by=[]),
    ]
    assert not any(family.is_refused for family in family_sizes(families(links(LINKS, "correlation")), None).largest)


def _page(lake: Lake, folder, *assignments: str) -> str:
    settings = read_settings(None, [f"lake={lake.root}", *assignments])
    return write_report(lake, "run", folder, settings).read_text(encoding="utf-8")


def test_the_page_shows_the_routes_of_a_run_by_conversion(lake, tmp_path):
    page = _page(lake, tmp_path, "harmonise.method=conversion")
    section = page[page.index('id="routes"') : page.index('id="account"')]
    assert "Conversions to HS1996" in section
    assert '<th scope="row">HS2007</th><td class="left">one table</td><td>2</td><td>1</td>' in section
    assert "010102: 010102, not 010101" in section
    assert '<th scope="row">HS2012</th><td class="left">a chain of tables</td>' in section
    assert 'id="families"' not in page


def test_the_page_shows_the_sizes_of_the_families_of_a_run_by_families(lake, tmp_path):
    page = _page(lake, tmp_path, "harmonise.method=families", "harmonise.family_codes_at_most=2")
    section = page[page.index('id="families"') : page.index('id="account"')]
    assert "3 families, 1 of one code" in section
    assert '<th scope="row">F96010101</th><td>3</td>' in section
    assert "in quarantine" in section
    assert "010101 of HS2002" in section
    assert 'id="routes"' not in page


@pytest.mark.parametrize("settings", [["harmonise.to=null"], ["harmonise.method=weights"], ["harmonise.to=2005"]])
def test_other_runs_have_neither(lake, tmp_path, settings):
    assert 'id="products"' not in _page(lake, tmp_path, *settings)


def test_a_lake_without_flows_has_neither(lake):
    record = read_record(lake, "run")
    without = Record(record.run, [], {name: rows for name, rows in record.slices.items() if name != FLOWS}, [], [])
    assert products_of(lake, without, read_settings(None, [])).to == ""
