"""`haiguan harmonise`: any table of flows, every format, every cent accounted for, faults told before Spark starts."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from deltalake import DeltaTable, write_deltalake

from haiguan.jobs.harmonisation import harmonise_flows
from haiguan.jobs.runtime.hs_tables import hs8_changes
from haiguan.jobs.runtime.run import read_settings
from haiguan.transforms.errors import InputError

FLOWS = """\
product_code,year,place,value_usd,quantity,unit_code
848620,2008,CHN,100.015,10,piece
848620,2013,CHN,1,1,piece
847989,2003,CHN,5,,kg
123456,2008,USA,3,1,kg
990000,2008,USA,2,1,kg
"""


@pytest.fixture
def flows(tmp_path):
    path = tmp_path / "flows.csv"
    path.write_text(FLOWS)
    return path


def _run(spark, source, out, *assignments, to="HS1996", method=None):
    said: list[str] = []
    harmonise_flows(source, out, to, method, read_settings(None, list(assignments)), lambda: spark, said.append)
    return {" ".join(line.removesuffix(" US$").split()) for line in said[:-1]}


def test_a_csv_file_is_converted_and_accounted_for(spark, flows, tmp_path):
    said = _run(spark, flows, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        '"product_code","year","place","value_usd","quantity","unit_code"',
        '"847989","2003","CHN",5.00,,"kg"',
        '"847989","2008","CHN",100.02,10.000,"piece"',
        '"990000","2008","USA",2.00,1.000,"kg"',
        '"901042","2013","CHN",1.00,1.000,"piece"',
    ]
    unmapped = pd.read_csv(tmp_path / "out.unmapped.csv", dtype=str)
    assert unmapped.to_dict("records") == [
        {
            "product_code": "123456",
            "year": "2008",
            "place": "USA",
            "value_usd": "3.000000",
            "quantity": "1.000000",
            "unit_code": "kg",
            "rule": "unmapped_code",
            "nearest_codes": unmapped.nearest_codes[0],
        }
    ]
    assert len(unmapped.nearest_codes[0].split()) == 3
    assert said == {
        "in 5 rows 111.015000",
        "mapped 4 rows 108.015000",
        "of these split over several codes 0 rows 0.00",
        "unmapped 1 rows 3.00",
        "out, in HS1996 4 rows 108.02",
        "rounded to the cent -0.005000",
    }


def test_weights_split_and_other_columns_may_have_any_name(spark, tmp_path):
    frame = pd.DataFrame(
        {
            "heading": ["a", "a"],
            "targets": [1, 1],
            "revision": ["H3", "HS2007"],
            "product_code": ["848620", "848620"],
            "value_usd": [1.0, 0.01],
        }
    )
    frame.to_parquet(tmp_path / "in.parquet")
    said = _run(
        spark,
        tmp_path / "in.parquet",
        tmp_path / "out.parquet",
        "harmonise.shares=equal",
        to="HS2002",
        method="weights",
    )
    made = pd.read_parquet(tmp_path / "out.parquet")
    assert list(made) == ["heading", "targets", "revision", "product_code", "value_usd", "is_apportioned"]
    assert made.value_usd.sum() == Decimal("1.01")
    assert set(made.revision) == {"HS2002"}
    assert made.is_apportioned.all()
    assert made.set_index("product_code").value_usd.to_dict() == {
        "841989": Decimal("0.21"),  # 20 cents each, and the lowest code has the one cent
        "845610": Decimal("0.20"),
        "846221": Decimal("0.20"),
        "847989": Decimal("0.20"),
        "854389": Decimal("0.20"),
    }
    assert "of these split over several codes 2 rows 1.01" in said


def test_families_from_stata_to_a_delta_folder_and_on_to_stata(spark, flows, tmp_path):
    frame = pd.read_csv(flows, dtype={"product_code": str}).assign(value_usd=lambda made: made.value_usd.round(2))
    frame.to_stata(tmp_path / "flows.dta", write_index=False, version=118)
    said = _run(spark, tmp_path / "flows.dta", tmp_path / "families", method="families")
    assert any("F96841989: up to 10 codes of a revision, held together by 84" in line for line in said)
    made = DeltaTable(str(tmp_path / "families")).to_pandas()
    assert set(made.product_code) == {"F96841989", "990000"}
    assert made.year.tolist() == [2003, 2008, 2008, 2013]
    assert len(DeltaTable(str(tmp_path / "families.unmapped")).to_pandas()) == 1
    write_deltalake(str(tmp_path / "in"), frame[frame.year == 2008])
    _run(spark, tmp_path / "in", tmp_path / "out.dta")
    assert pd.read_stata(tmp_path / "out.dta").product_code.tolist() == ["847989", "990000"]
    assert (tmp_path / "out.unmapped.dta").is_file()


VALUED = """\
product_code,year,value_usd,valuation,exchange_rate_rule
848620,2008,1,FOB,none
848620,2008,2,FOB,none
848620,2008,4,CIF,none
848620,2008,8,CIF,monthly
123456,2008,16,CIF,annual
"""


def test_how_values_are_valued_and_converted_stands_in_the_result_and_beside_what_is_unmapped(spark, tmp_path):
    (tmp_path / "valued.csv").write_text(VALUED)
    _run(spark, tmp_path / "valued.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        '"product_code","year","value_usd","valuation","exchange_rate_rule"',
        '"847989","2008",8.00,"CIF","monthly"',
        '"847989","2008",4.00,"CIF","none"',
        '"847989","2008",3.00,"FOB","none"',
    ]
    (unmapped,) = pd.read_csv(tmp_path / "out.unmapped.csv", dtype=str).to_dict("records")
    assert (unmapped["valuation"], unmapped["exchange_rate_rule"]) == ("CIF", "annual")


NATIONAL = """\
product_code,year,place,value_usd,quantity,unit_code
84798990,2004,CHN,100.01,10,piece
84798991,2006,CHN,30.5,3,piece
84798999,2006,CHN,0.07,1,piece
01011000,2006,CHN,8,2,head
10063000,2005,USA,4,1,kg
99009900,2006,USA,2,1,kg
"""
CHANGES = """\
source_year,source_code,target_year,target_code,weight
2004,84798990,2005,84798991,0.25
2004,84798990,2005,84798999,0.75
2004,1011010,2005,1011000,
2004,01011020,2005,01011000,
2005,85414000,2006,85414020,
"""


@pytest.fixture
def national(tmp_path):
    (tmp_path / "changes.csv").write_text(CHANGES)
    path = tmp_path / "national.csv"
    path.write_text(NATIONAL)
    return path


def _of_2004(spark, national, out, *assignments, **options):
    changes = f"inputs.hs8_changes={national.parent / 'changes.csv'}"
    return _run(spark, national, out, changes, *assignments, **{"to": "2004", **options})


def test_codes_of_eight_digits_are_brought_to_an_earlier_year(spark, national, tmp_path):
    said = _of_2004(spark, national, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == [
        '"84798990","2004","CHN",100.01,10.000,"piece"',
        '"10063000","2005","USA",4.00,1.000,"kg"',
        '"84798990","2006","CHN",30.57,4.000,"piece"',
        '"99009900","2006","USA",2.00,1.000,"kg"',
    ]
    (unmapped,) = pd.read_csv(tmp_path / "out.unmapped.csv", dtype=str).to_dict("records")
    assert (unmapped["product_code"], unmapped["value_usd"], unmapped["rule"]) == (
        "01011000",
        "8.000000",
        "unmapped_code",
    )
    assert said >= {"in 6 rows 144.58", "mapped 5 rows 136.58", "unmapped 1 rows 8.00", "out, in 2004 4 rows 136.58"}


def test_values_of_eight_digits_are_split_by_weights_to_the_cent(spark, national, tmp_path):
    said = _of_2004(spark, national, tmp_path / "out.csv", method="weights", to="2006")
    made = pd.read_csv(tmp_path / "out.csv", dtype=str).set_index(["year", "product_code"]).value_usd
    # 100.01 in cents: 2500.25 and 7500.75, and the larger remainder has the odd cent
    assert made["2004"].to_dict() == {"84798991": "25.00", "84798999": "75.01"}
    assert sum(map(Decimal, made)) == Decimal("144.58")
    assert "unmapped 0 rows 0.00" in said


def test_families_of_eight_digits_hold_every_code_together_that_a_change_links(spark, national, tmp_path):
    said = _of_2004(spark, national, tmp_path / "out.csv", method="families")
    made = pd.read_csv(tmp_path / "out.csv", dtype=str)
    values = made.groupby("product_code").value_usd.agg(lambda texts: sum(map(Decimal, texts))).to_dict()
    assert values == {
        "F0401011010": Decimal("8.00"),
        "F0410063000": Decimal("4.00"),
        "F0484798990": Decimal("130.58"),
        "F0499009900": Decimal("2.00"),
    }
    assert any(line.startswith("families over 2004, 2005, 2006: 5, 3 of one code") for line in said)


@pytest.mark.parametrize("kind", ["folder", "parquet", "workbook"])
def test_changes_may_be_in_any_table(national, tmp_path, kind):
    frame = pd.read_csv(national.parent / "changes.csv", dtype={"source_code": str, "target_code": str})
    place = tmp_path / {"folder": "changes", "parquet": "changes.parquet", "workbook": "changes.xlsx"}[kind]
    if kind == "folder":
        write_deltalake(str(place), frame)
    elif kind == "parquet":
        frame.to_parquet(place)
    else:
        frame.to_excel(place, index=False)
    changes = hs8_changes(str(place))
    assert changes.target_code.tolist() == ["84798991", "84798999", "01011000", "01011000", "85414020"]
    assert changes.is_padded.tolist() == [False, False, True, False, False]
    assert changes.weight.fillna(-1).tolist() == [0.25, 0.75, -1, -1, -1]


def test_codes_of_eight_digits_need_a_table_of_their_changes(national, tmp_path):
    assert "such as --to 2005, with a table of their changes: --set inputs.hs8_changes=FILE" in _refused(national)
    assert "codes of eight digits go to a year by --set inputs.hs8_changes=FILE" in _refused(national, to="2004")
    assert "codes of eight digits go to a year" in _refused(national, "out.csv", "inputs.hs8_changes=[]", to="2004")
    changes = f"inputs.hs8_changes={national.parent / 'changes.csv'}"
    said = _refused(national, "out.csv", changes, to="2003")
    assert (
        "1 row in 2004; inputs.hs8_changes has no conversion table from 2004 to 2003: name one, or one for every"
        in said
    )
    assert "conversions run from a later year to an earlier one: choose --to 2004" in _refused(
        national, "out.csv", changes, to="2006"
    )
    assert "no estimated weights from 2006 to 2004" in _refused(
        national, "out.csv", changes, to="2004", method="weights"
    )
    (tmp_path / "flows.csv").write_text("product_code,year,value_usd\n847989,2005,1\n1011000,2005,1\n")
    said = _refused(tmp_path / "flows.csv", "out.csv", changes, to="2004")
    assert "1 row of 6 digits, such as `847989`; codes of six digits are brought to an HS revision" in said
    assert (
        "1 row of 7 digits, such as `1011000`; a leading zero is lost: read the column as text, or pad it to eight"
        in said
    )
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    said = _refused(national, "out.csv", f"inputs.hs8_changes={tmp_path / 'other.csv'}", to="2004")
    assert "other.csv: its headings are of no such table; it must be changes of codes of eight digits" in said


def _refused(source, out="out.csv", *assignments, to="HS1996", method=None):
    def start():
        raise AssertionError("Spark was started")

    with pytest.raises(InputError) as caught:
        harmonise_flows(
            source, source.parent / out, to, method, read_settings(None, list(assignments)), start, lambda _: None
        )
    return "\n".join(caught.value.faults)


@pytest.mark.parametrize(
    ("content", "messages"),
    [
        (
            "product_code,yr,value\n010101,2003,1\n",
            ["no column value_usd (nearest: value)", "no column year or revision"],
        ),
        ("product_code,year,value_usd,quantity\n010101,2003,1,1\n", ["quantity needs a column unit_code beside it"]),
        (
            "Classification,Commodity Code,Trade Value (US$)\nH4,010101,1\n",
            [
                "no column product_code (UN Comtrade calls it Commodity Code); rename the one that is meant",
                "no column value_usd (UN Comtrade calls it Trade Value (US$))",
                "no column year or revision (UN Comtrade calls it Classification)",
            ],
        ),
        (
            "product_code,year,value_usd\n10111,2003,1\n01011190,2003,1\n0101119010,2003,1\n84,2003,1\nTOTAL,2003,1\n",
            [
                "1 row of 5 digits, such as `10111`; a leading zero is lost",
                "1 row of 8 digits, such as `01011190`; national codes change every January; keep the first six",
                "1 row of 10 digits",
                "1 row of 2 digits, such as `84`; six digits are needed",
                "1 row without digits, such as `TOTAL`",
            ],
        ),
        (
            "product_code,year,value_usd\n010101,2003,1 000\n010101,2003,\n",
            ["value_usd: 2 rows without a number, such as `1 000`; write plain numbers"],
        ),
        ("product_code,year,value_usd\n010101,1903,1\n", ["year: 1 row with `1903`; it must be a year from 1988 on"]),
        (
            "product_code,revision,value_usd\n010101,HS1997,1\n",
            ["revision: 1 row with `HS1997`; it must be one of HS1992, HS1996"],
        ),
        ("product_code,year,value_usd\n010101,2023,1\n", ["no conversion table from HS2022 to HS1996: name one with"]),
    ],
)
def test_every_fault_of_a_table_says_what_to_do(tmp_path, content, messages):
    (tmp_path / "flows.csv").write_text(content)
    said = _refused(tmp_path / "flows.csv")
    for message in messages:
        assert message in said


def test_numbers_for_codes_and_keys_of_decimals_are_refused(tmp_path):
    frame = pd.DataFrame({"product_code": [10111], "year": [2003], "price": [1.5], "value_usd": [1.0]})
    frame.to_parquet(tmp_path / "flows.parquet")
    said = _refused(tmp_path / "flows.parquet")
    assert "product_code is stored as bigint, so leading zeros are lost" in said
    assert "price is a floating-point number and neither value_usd nor quantity" in said


def test_what_was_asked_for_must_be_there_and_possible(flows, tmp_path):
    assert "choose --to HS2002, or --method families" in _refused(flows, to="HS2007")
    assert "no estimated weights from HS2007 to HS1996" in _refused(flows, method="weights")
    assert "--set harmonise.shares=equal" in _refused(flows, method="weights")
    assert "--to HS2099: no HS revision" in _refused(flows, to="HS2099")
    assert "--method weigths: no such method" in _refused(flows, method="weigths")
    assert "the ending says the format" in _refused(flows, "out.xlsx")
    assert "this is the table that is read" in _refused(flows, "flows.csv")
    assert "no such file or folder" in _refused(tmp_path / "nowhere.csv")
    (tmp_path / "flows.parquet").write_text(FLOWS)
    assert "cannot be read as its ending says" in _refused(tmp_path / "flows.parquet")
