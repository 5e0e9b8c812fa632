"""Tables of firms, districts and breaks, from a few records that a reader can add up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pyspark.sql import functions as F

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.breaks import BreakSettings, core_customs__breaks
from haiguan.transforms.customs.district_flows import core_customs__district_flows
from haiguan.transforms.customs.firm_panel import core_customs__firm_panel
from haiguan.transforms.customs.firm_years import core_customs__firm_year, core_customs__intermediaries
from haiguan.transforms.schema.columns import REGIMES, regime_value

#          year firm       way    regime              product  partner district proxy quantity value
RECORDS = """
           2003 3101110001 export ordinary            61091000 USA     31011    -     5        100.10
           2003 3101110001 export ordinary            61091000 HKG     31011    -     5        0.01
           2003 3101110001 export processing_imported 61092000 USA     31011    -     -        200.00
           2003 3101110001 import processing_imported 52010000 USA     31019    yes   7        50.00
           2003 3101110001 import border              52010000 VNM     -        -     1        3.00
           2003 B          export ordinary            61091000 USA     31011    yes   1        40.00
           2005 3101110001 export ordinary            61091000 USA     31011    yes   1        7.00
           2006 4403920002 export ordinary            61091000 USA     44039    yes   1        9.00
"""
NAMES = [
    (2003, "3101110001", "上海华东进出口"),
    (2005, "3101110001", "上海华东仓储"),
    (2006, "4403920002", "上海华东仓储"),
    (2003, "B", "物流中心"),
]


def _record(line: int, text: str) -> dict:
    year, firm, way, regime, product, partner, district, proxy, quantity, value = text.split()
    return {
        "year": int(year),
        "line": line,
        "direction": way,
        "firm_code": firm,
        "ownership": "state" if regime == "ordinary" else "private",
        "product_code": product,
        "hs_revision": "HS2002",
        "partner_code": partner,
        "partner_basis": "consignment",
        "regime": regime,
        "unit_code": "piece",
        "goods_district_code": None if district == "-" else district,
        "is_seat_proxy": proxy == "yes",
        "firm_place_code": "310000",
        "firm_place_evidence": "address",
        "is_intermediary": firm != "B",
        "quantity": None if quantity == "-" else Decimal(quantity),
        "value_usd": Decimal(value),
        "valuation": "FOB" if way == "export" else "CIF",
        "flags": [],
    }


@pytest.fixture(scope="module")
def declarations(table):
    lines = RECORDS.strip().splitlines()
    return table("core_customs__declarations", [_record(n, line) for n, line in enumerate(lines, 2)]).cache()


@pytest.fixture(scope="module")
def firm_years(declarations, value):
    return core_customs__firm_year(declarations, value=value).cache()


@pytest.fixture(scope="module")
def firms(table):
    rows = [(year, code, "firm_name", name, 1, None) for year, code, name in NAMES]
    return table("core_customs__firms", rows)


def test_a_firm_in_a_year(firm_years):
    row = firm_years.where("year = 2003 AND firm_code = '3101110001'").head().asDict()
    expected = {
        "value_usd": "353.11",
        "export_value_usd": "300.11",
        "export_ordinary_usd": "100.11",
        "export_processing_usd": "200.00",
        "export_processing_imported_usd": "200.00",
        "export_processing_unstated_usd": "0.00",
        "import_value_usd": "53.00",
        "import_ordinary_usd": "0.00",
        "import_processing_usd": "50.00",
        "import_border_usd": "3.00",
    }
    assert {name: row[name] for name in expected} == {name: Decimal(value) for name, value in expected.items()}
    assert [row[f"export_{what}"] for what in ("products", "partners")] == [2, 2]
    assert [row[f"import_{what}"] for what in ("products", "partners")] == [1, 2]
    assert (row["declarations"], row["ownership"], row["firm_place_code"]) == (5, "private", "310000")
    assert (row["export_valuation"], row["import_valuation"], row["exchange_rate_rule"]) == ("FOB", "CIF", "none")


def test_every_regime_of_the_list_has_its_value_in_both_directions_and_they_add_up(declarations, value):
    """One record of each regime and direction, each of another power of two."""
    pairs = [(direction, regime) for direction in ("export", "import") for regime in REGIMES]
    first = declarations.where("line = 2").drop("direction", "regime", "value_usd")
    records = [(*pair, Decimal(2**power)) for power, pair in enumerate(pairs)]
    made = declarations.sparkSession.createDataFrame(
        records, "direction string, regime string, value_usd decimal(18,2)"
    ).crossJoin(first)
    row = core_customs__firm_year(made, value=value).head().asDict()
    assert [row[regime_value(*pair)] for pair in pairs] == [amount for *_, amount in records]
    for direction in ("export", "import"):
        by_regime = {regime: row[regime_value(direction, regime)] for regime in REGIMES}
        assert row[f"{direction}_value_usd"] == sum(by_regime.values())
        assert row[f"{direction}_processing_usd"] == sum(
            by_regime[f"processing_{how}"] for how in ("imported", "supplied", "unspecified")
        )


def test_firms_and_districts_tell_rates_of_months_from_rates_of_the_year(declarations):
    pesos = ValueSettings(currency="CLP", exchange_rate="monthly", valuation={"export": "CIF", "import": "FOB"})
    is_of_month = F.col("direction") == "export"
    records = declarations.where("firm_code = '3101110001'").withColumn(
        "exchange_rate_rule", F.when(is_of_month, "monthly").otherwise("annual")
    )
    firms = core_customs__firm_year(records, value=pesos).collect()
    assert {(row.year, row.export_valuation, row.import_valuation, row.exchange_rate_rule) for row in firms} == {
        (2003, "CIF", "FOB", "mixed"),
        (2005, "CIF", "FOB", "monthly"),
    }
    flows = core_customs__district_flows(records, value=pesos).collect()
    assert {(row.direction, row.valuation, row.exchange_rate_rule) for row in flows} == {
        ("export", "CIF", "monthly"),
        ("import", "FOB", "annual"),
    }


def test_not_a_cent_is_lost_on_the_way_to_firms_and_districts(declarations, firm_years, value):
    whole = sum(row.value_usd for row in declarations.collect())
    flows = core_customs__district_flows(declarations, value=value).collect()
    assert sum(row.value_usd for row in firm_years.collect()) == sum(row.value_usd for row in flows) == whole


def test_districts_say_how_much_of_them_is_seats(declarations, value):
    found = {
        (row.goods_district_code, row.direction, row.product_code, row.partner_code, row.regime): row
        for row in core_customs__district_flows(declarations.where("year = 2003"), value=value).collect()
    }
    shirts = found["31011", "export", "61091000", "USA", "ordinary"]
    assert (shirts.value_usd, shirts.seat_proxy_value_usd) == (Decimal("140.10"), Decimal("40.00"))
    assert (shirts.quantity, shirts.declarations, shirts.valuation) == (Decimal(6), 2, "FOB")
    assert found["31011", "export", "61092000", "USA", "processing_imported"].quantity is None
    assert found["unknown", "import", "52010000", "VNM", "border"].valuation == "CIF"


def test_codes_come_and_go_and_later_ones_of_the_same_name_are_candidates(firm_years, firms, firm_codes):
    panel = core_customs__firm_panel(firm_years, firms, firm_codes=firm_codes).collect()
    first, second, third = sorted((row.asDict() for row in panel), key=lambda row: row["firm_code"])
    assert first == {
        "firm_code": "3101110001",
        "first_year": 2003,
        "last_year": 2005,
        "active_years": 2,
        "gap_years": 1,
        "has_entered": False,
        "has_left": True,
        "code_place_digits": "3101",
        "code_zone": "special_economic_zone",
        "code_ownership": "state",
        "successor_codes": ["4403920002"],
    }
    assert (second["has_entered"], second["has_left"], second["successor_codes"]) == (True, False, [])
    assert (second["code_zone"], second["code_ownership"]) == ("none", "cooperative")
    assert (third["code_place_digits"], third["code_ownership"]) == (None, None)  # no code of the form that tells


def test_sets_of_keywords_differ(firms, firm_years, intermediaries):
    rows = core_customs__intermediaries(firms, firm_years, intermediaries=intermediaries).where("year = 2003").collect()
    assert {row.keyword_set: (row.firms, row.declarations, row.value_usd) for row in rows} == {
        "all_firms": (2, 6, Decimal("393.11")),
        "five": (1, 5, Decimal("353.11")),
        "seven": (1, 5, Decimal("353.11")),
        "seventeen": (2, 6, Decimal("393.11")),
    }


def test_breaks_are_told_in_records_dollars_and_shares(declarations):
    rows = core_customs__breaks(declarations, breaks=BreakSettings(partners=("HKG",))).where("year = 2003").collect()
    found = {(row.direction, row.series, row.category): (row.declarations, row.value_usd) for row in rows}
    assert found == {
        ("export", "firm_place_evidence", "address"): (4, Decimal("340.11")),
        ("export", "goods_district", "delivered"): (3, Decimal("300.11")),
        ("export", "goods_district", "firm_code"): (1, Decimal("40.00")),
        ("export", "partner_basis", "consignment"): (4, Decimal("340.11")),
        ("export", "partner_HKG", "consignment"): (1, Decimal("0.01")),
        ("import", "firm_place_evidence", "address"): (2, Decimal("53.00")),
        ("import", "goods_district", "firm_code"): (1, Decimal("50.00")),
        ("import", "goods_district", "not_told"): (1, Decimal("3.00")),
        ("import", "partner_basis", "consignment"): (2, Decimal("53.00")),
    }
    shares = {(row.direction, row.series, row.category): row.value_share for row in rows}
    assert shares["import", "goods_district", "firm_code"] == 50 / 53
