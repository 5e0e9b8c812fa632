"""The firm panel: firm-years with both flows, and an account of the others."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from products_tables import harmonise

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.errors import InputError
from haiguan.transforms.panels.customs import panel_customs__firm_year
from haiguan.transforms.schema import TABLES

#        year firm product  partner direction value
FLOWS = """
         2003 A    01011010 USA     export    100.00
         2003 A    01011010 DEU     export    50.00
         2003 A    02011010 DEU     export    0.50
         2003 A    01011010 USA     import    7.00
         2003 B    01011010 USA     export    9.00
         2004 B    01011010 USA     import    4.00
"""


def _outcome(spark, value, rule="none"):
    rows = []
    for words in map(str.split, FLOWS.strip().splitlines()):
        year, firm, product, partner, direction, amount = words
        key = (int(year), firm, product, "HS2002", partner, "ordinary", direction, "kilogram")
        rows.append((*key, None, Decimal(amount), "FOB", rule, 1, None, False))
    flows = spark.createDataFrame(rows, TABLES["core_customs__annual_flows"].ddl)
    return panel_customs__firm_year(flows, harmonise=harmonise(), value=value)


def test_a_firm_year_has_its_totals_logs_and_counts(spark, value):
    (row,) = _outcome(spark, value).table.collect()
    assert (row.firm_code, row.year, row.export_products, row.export_partners) == ("A", 2003, 2, 2)
    assert (row.export_value_usd, row.import_value_usd) == (Decimal("150.50"), Decimal("7.00"))
    assert (row.ln_exports, row.ln_imports) == (math.log(150.5), math.log(7.0))
    assert (row.export_valuation, row.import_valuation, row.exchange_rate_rule) == ("FOB", "CIF", "none")


def test_a_firm_year_says_how_its_values_were_converted(spark):
    pesos = ValueSettings(currency="CLP", exchange_rate="monthly", valuation={"export": "CIF", "import": "FOB"})
    (row,) = _outcome(spark, pesos, "mixed").table.collect()
    assert (row.export_valuation, row.import_valuation, row.exchange_rate_rule) == ("CIF", "FOB", "mixed")


@pytest.mark.parametrize("settings", [{"method": "weights"}, {"to": None}])
def test_flows_in_which_products_cannot_be_counted_are_refused(settings, value):
    with pytest.raises(InputError, match="panel_customs__firm_year"):
        panel_customs__firm_year(None, harmonise=harmonise(**settings), value=value)


def test_firm_years_without_one_flow_are_counted(spark, value):
    found = {row.rule: (row.records, row.amount_usd) for row in _outcome(spark, value).steps.collect()}
    assert found == {"no_imports": (1, Decimal("9")), "no_exports": (1, Decimal("4"))}
