"""Coverage: the archive against published figures, as finely as both go."""

from __future__ import annotations

from decimal import Decimal

import pytest

from haiguan.transforms.customs.coverage import CoverageSettings, core_customs__coverage
from haiguan.transforms.customs.declarations import MUST_REJECT, CleanSettings

CLEAN = CleanSettings(declarant="CHN", reject=MUST_REJECT, ignore_labels={})
#        year month way    regime   product  partner value
ARCHIVE = """
         2003 1     export ordinary 61091000 USA     98
         2003 2     export ordinary 61091000 DEU     50
         2003 2     export border   61091000 USA     50
         2003 2     import ordinary 52010000 USA     10
         2004 -     export ordinary 61091000 USA     90
         2004 -     export border   84713000 USA     900
"""
#          year month way    regime   value
PUBLISHED = """
           2003 1     export ordinary 100
           2003 2     export ordinary 50
           2003 2     export border   40
           2003 2     export lease    10
           2003 0     export all      9999
           2003 0     import all      100
           2004 1     export ordinary 60
           2004 2     export ordinary 40
           2004 2     import ordinary 30
           2005 1     export ordinary 77
"""
#         year flow   product partner value
COMTRADE = """
          2004 export 610910  842     88
          2004 export 610910  276     2
          2004 export 610910  000     90
          2004 export 6109    842     88
          2018 export 610910  842     55
"""


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.strip().splitlines()]


def _declaration(n, year, month, way, regime, product, partner, value) -> dict:
    return {
        "year": int(year),
        "month": None if month == "-" else int(month),
        "line": n,
        "direction": way,
        "regime": regime,
        "product_code": product,
        "hs_revision": "HS2002",
        "partner_code": partner,
        "value_usd": Decimal(value),
    }


def _flow(revision, year, flow, product, partner, value) -> dict:
    return {
        "year": int(year),
        "reporter_code_m49": "156",
        "partner_code_m49": partner,
        "flow": flow,
        "hs_revision": revision,
        "product_code": product,
        "value_usd": Decimal(value),
    }


@pytest.fixture(scope="module")
def compared(table):
    declarations = table("core_customs__declarations", [_declaration(n, *row) for n, row in enumerate(_rows(ARCHIVE))])
    m49 = {"CHN": "156", "USA": "842", "DEU": "276"}
    countries = table(
        "core_countries__codes", [{"country_code": code, "country_code_m49": number} for code, number in m49.items()]
    )
    totals = [(int(y), int(m), way, regime, Decimal(value)) for y, m, way, regime, value in _rows(PUBLISHED)]

    def made(revision: str | None = None, is_sample: bool = False) -> dict[tuple, dict]:
        flows = None if revision is None else [_flow(revision, *row) for row in _rows(COMTRADE)]
        frame = core_customs__coverage(
            declarations,
            countries,
            None if flows else table("core_trade__national_totals", totals),
            table("core_trade__flows", flows) if flows else None,
            clean=CLEAN,
            coverage=CoverageSettings(archive_is_sample=is_sample, warn_beyond=0.02, stop_beyond=0.2),
        )
        key = ("year", "direction", "published_month", "published_regime")
        return {tuple(row[name] for name in key): row.asDict() for row in frame.collect()}

    return made


def test_national_totals_are_compared_figure_by_figure_and_as_a_whole(compared):
    found = compared()
    assert {key: (row["archive_value_usd"], row["published_value_usd"]) for key, row in found.items()} == {
        (2003, "export", 1, "ordinary"): (98, 100),
        (2003, "export", 2, "ordinary"): (50, 50),
        (2003, "export", 2, "border"): (50, 40),
        (2003, "export", 2, "lease"): (0, 10),
        (2003, "export", 0, "all"): (198, 200),  # the sum of the parts, not the total printed beside them
        (2003, "import", 0, "all"): (10, 100),
        (2004, "export", 0, "ordinary"): (90, 100),  # the files of 2004 have no months
        (2004, "export", 0, "border"): (900, 0),
        (2004, "export", 0, "all"): (990, 100),
        (2004, "import", 0, "ordinary"): (0, 30),
        (2004, "import", 0, "all"): (0, 30),  # a year without imports is no archive of the country
    }
    whole = found[2003, "export", 0, "all"]
    assert (whole["cells"], whole["coverage_ratio"], whole["coverage_verdict"]) == (4, 0.99, "covered")
    assert (whole["share_within_2_percent"], whole["share_within_10_percent"]) == (0.75, 0.75)
    assert found[2003, "import", 0, "all"]["coverage_verdict"] == "beyond_stop"
    assert found[2003, "export", 2, "border"]["coverage_verdict"] is None


def test_an_archive_that_is_a_sample_stops_nothing(compared):
    assert {row["coverage_verdict"] for row in compared(is_sample=True).values()} == {"covered", "sample", None}


@pytest.mark.parametrize(
    ("revision", "archive", "cells", "verdict"),
    [("HS2002", 90, 2, "covered"), ("HS2007", 990, 2, "beyond_stop")],
)
def test_own_reports_are_compared_by_product_where_the_revisions_agree(compared, revision, archive, cells, verdict):
    (row,) = compared(revision).values()
    assert (row["published_by"], row["archive_value_usd"], row["published_value_usd"]) == ("comtrade", archive, 90)
    assert (row["cells"], row["coverage_verdict"]) == (cells, verdict)
    assert row["share_within_10_percent"] == (88 / 90 if revision == "HS2002" else 0.0)
