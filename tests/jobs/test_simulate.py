"""The files of a simulated world, read by plain Python, against the truth that lies beside them."""

from __future__ import annotations

import csv
import hashlib
import logging
import math
import re
import shutil
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from itertools import product
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml
from archive_files import ALL_YEARS, Line, coding, delivered_once, partners, read_archive
from archive_files import LAYOUTS as LAYOUTS_READ
from archive_files import layout_of as read_layout_of
from archive_lines import CENT, PLAIN, amount_of, broken_rules_of, cents_of, direction_of, regime_of
from pyspark.sql import SparkSession

from haiguan.jobs.simulate import embedded_tables, is_simulated, simulate
from haiguan.transforms.errors import InputError
from haiguan.transforms.simulation.comtrade import HEADINGS as COMTRADE_HEADINGS
from haiguan.transforms.simulation.editions import LAYOUTS, YEARS, layout_of
from haiguan.transforms.simulation.rules import FLAGS, NOT_LEGIBLE, REJECTING

FEW_YEARS = ALL_YEARS.model_copy(update={"declarations": 2_000, "years": (2005, 2007), "also": ()})
CONCORDANCE = Path(__file__).parents[2] / "conf" / "codes" / "concordance.csv"
COMTRADE_LAYOUT = Path(__file__).parents[2] / "conf" / "layouts" / "comtrade" / "bulk_classic.yaml"
SEEN_IN_COMPANY = ("identical_row", "repeated_block", "unit_value_outlier")
FLOW_KEY = "year firm_code product_code hs_revision partner_code regime direction unit_code".split()


@pytest.fixture(scope="module")
def world(archive: Path) -> Path:
    return archive


@pytest.fixture(scope="module")
def lines(world: Path) -> list[Line]:
    """Every line but those of the second edition of a year."""
    return [line for line in read_archive(world / "customs") if line.layout["edition"] != "listed"]


@pytest.fixture(scope="module")
def mapped() -> set[tuple[str, str]]:
    """Revision and code of what is in a conversion table to HS1996, or of that revision itself."""
    rows = pd.read_csv(CONCORDANCE, dtype=str)
    products = embedded_tables().products
    own = products[products.hs_revision == "HS1996"]
    converted = rows[(rows.kind == "conversion") & (rows.target_revision == "HS1996")]
    return {
        *zip(own.hs_revision, own.product_code, strict=True),
        *zip(converted.source_revision, converted.source_code, strict=True),
    }


@pytest.fixture(scope="module")
def planted(world: Path) -> list[dict[str, str]]:
    with (world / "truth" / "defects.csv").open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


@pytest.fixture(scope="module")
def known_products() -> set[tuple[str, str]]:
    products = embedded_tables().products
    return set(zip(products["hs_revision"], products["product_code"], strict=True))


@pytest.fixture(scope="module")
def partner_of() -> dict[str, str]:
    """Name or customs code -> country."""
    return partners()


@pytest.fixture(scope="module")
def broken_rules(
    lines: list[Line],
    known_products: set[tuple[str, str]],
    mapped: set[tuple[str, str]],
    partner_of: dict[str, str],
) -> dict[tuple[str, int], str]:
    """File and line -> rule, by an independent reading of the files; lines under no rule are not in it."""
    found = {}
    for line in lines:
        rules = [line.fault] if line.fault else list(broken_rules_of(line, known_products, mapped, partner_of))
        assert len(rules) <= 1, (line, rules)
        if rules:
            found[line.file, line.number] = rules[0]
    return found


@pytest.fixture(scope="module")
def good_lines(lines: list[Line], broken_rules: dict[tuple[str, int], str]) -> list[Line]:
    return [line for line in lines if broken_rules.get((line.file, line.number)) not in REJECTING]


def test_every_planted_defect_is_in_the_files_and_nothing_else(
    planted: list[dict[str, str]], broken_rules: dict[tuple[str, int], str]
) -> None:
    truth = {(row["file"], int(row["line"])): row["rule"] for row in planted if row["line"]}
    assert broken_rules == {place: rule for place, rule in truth.items() if rule not in SEEN_IN_COMPANY}
    counts = Counter(truth.values())
    assert set(counts) == {*REJECTING, *FLAGS, "repeated_block"}
    assert min(counts.values()) >= 3


def test_rows_that_stand_twice_are_those_planted(lines: list[Line], planted: list[dict[str, str]]) -> None:
    contents = {(line.file, line.number): (line.year, *line.fields.values()) for line in lines if line.fields}
    in_file = Counter((file, content) for (file, _), content in contents.items())
    files_of: dict[tuple[object, ...], set[str]] = {}
    for file, content in in_file:
        files_of.setdefault(content, set()).add(file)
    for rule in ("identical_row", "repeated_block"):
        chosen = [(row["file"], int(row["line"])) for row in planted if row["rule"] == rule]
        doubled = {contents[place] for place in chosen}
        if rule == "identical_row":
            assert doubled == {content for (_, content), rows in in_file.items() if rows > 1}
        else:
            assert doubled == {content for content, files in files_of.items() if len(files) > 1}
            assert min(Counter(file for file, _ in chosen).values()) >= 10


def test_outlying_unit_values_are_far_from_the_usual(lines: list[Line], planted: list[dict[str, str]]) -> None:
    """A thousand times dearer or cheaper than the middle of the product's records."""
    chosen = {(row["file"], int(row["line"])) for row in planted if row["rule"] == "unit_value_outlier"}
    rows = [
        {"place": (line.file, line.number), "product": line.fields["product_text"][-8:].zfill(8)[:6], "ln": ln}
        for line in lines
        if line.fields and (ln := _ln_unit_value(line)) is not None
    ]
    frame = pd.DataFrame(rows)
    distance = abs(frame.ln - frame.groupby("product").ln.transform("median"))
    is_outlier = frame.place.isin(chosen)
    assert is_outlier.sum() > 5
    assert distance[is_outlier].min() > 4
    assert distance[~is_outlier].quantile(0.99) < 3


def _ln_unit_value(line: Line) -> float | None:
    if "quantity_text" not in line.fields:
        return None
    value, quantity = amount_of(line, "value"), amount_of(line, "quantity")
    is_known = PLAIN.fullmatch(value) and PLAIN.fullmatch(quantity) and float(quantity) and float(value)
    return math.log(float(value) / float(quantity)) if is_known else None


def test_planted_defects_are_counted_by_year_layout_and_rule(world: Path, planted: list[dict[str, str]]) -> None:
    counted = pd.read_csv(world / "truth" / "planted.csv", dtype={"amount_usd": str})
    found = Counter((int(row["file"][:4]), row["layout"], row["rule"]) for row in planted if row["line"])
    assert {(row.year, row.layout, row.rule): row.records for row in counted.itertuples()} == found
    assert sum(map(Decimal, counted.amount_usd)) == sum(Decimal(row["amount_usd"] or 0) for row in planted)


def test_two_files_repeat_others_byte_for_byte(world: Path, planted: list[dict[str, str]]) -> None:
    copies = [row["file"] for row in planted if row["rule"] == "repeated_file"]
    assert len(copies) == 2
    paths = [path for path in (world / "customs").rglob("*") if path.is_file()]
    digests = Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert sorted(digests.values(), reverse=True)[:3] == [2, 2, 1]
    originals = {file for file, _ in delivered_once(world / "customs")}
    assert not originals & set(copies)


def test_totals_to_the_cent(world: Path, good_lines: list[Line], planted: list[dict[str, str]]) -> None:
    records: Counter[tuple[int, str]] = Counter()
    value: Counter[tuple[int, str]] = Counter()
    for line in good_lines:
        records[line.year, direction_of(line)] += 1
        value[line.year, direction_of(line)] += cents_of(line)
    with (world / "truth" / "totals.csv").open(encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    assert {(int(row["year"]), row["direction"]): int(row["records"]) for row in rows} == dict(records)
    assert {(int(row["year"]), row["direction"]): Decimal(row["value_usd"]) for row in rows} == dict(value)
    assert sum(records.values()) == ALL_YEARS.declarations + _in_blocks(planted)


def _in_blocks(planted: list[dict[str, str]]) -> int:
    return sum(row["rule"] == "repeated_block" for row in planted)


def test_some_values_are_exactly_half_a_cent(good_lines: list[Line]) -> None:
    fine = [Decimal(amount_of(line, "value")) % CENT for line in good_lines if line.year <= 2006]
    assert sum(bool(rest) for rest in fine) > len(fine) / 20
    assert Decimal("0.005") in fine


def test_amounts_of_defects_are_what_the_lines_say(lines: list[Line], planted: list[dict[str, str]]) -> None:
    found = {(line.file, line.number): line for line in lines}
    for row in planted:
        if row["rule"] in (*NOT_LEGIBLE, "repeated_file", "second_edition"):
            assert row["amount_usd"] == ""
        elif row["rule"] == "undecodable_line":
            assert PLAIN.fullmatch(row["amount_usd"])
        else:
            assert Decimal(amount_of(found[row["file"], int(row["line"])], "value")) == Decimal(row["amount_usd"])


def test_flows_are_the_good_records_summed_up(
    world: Path, good_lines: list[Line], partner_of: dict[str, str], planted: list[dict[str, str]]
) -> None:
    value: Counter[tuple[object, ...]] = Counter()
    for line in good_lines:
        if "unit_text" in line.fields:
            value[_flow_of(line, partner_of)] += cents_of(line)
    flows = pd.read_parquet(world / "truth" / "flows.parquet")
    assert not flows.duplicated(FLOW_KEY).any()
    assert flows["declarations"].sum() == ALL_YEARS.declarations + _in_blocks(planted)
    told = flows[flows["year"] < 2016]
    assert dict(zip(told[FLOW_KEY].itertuples(index=False, name=None), told["value_usd"], strict=True)) == dict(value)


def _flow_of(line: Line, partner_of: dict[str, str]) -> tuple[object, ...]:
    text = line.fields
    return (
        line.year,
        text["firm_code_text"].upper(),
        _eight_digits(line),
        line.layout["hs_revision"],
        partner_of[text["partner_text"]],
        regime_of(line),
        direction_of(line),
        coding("unit_by_name")[text["unit_text"]],
    )


def _eight_digits(line: Line) -> str:
    code = line.fields["product_text"]
    return (code if len(code) in (8, 10) else f"0{code}")[:8]


def test_carried_goods_are_beside_the_flows(world: Path) -> None:
    flows, firms, goods = (
        pd.read_parquet(world / "truth" / f"{name}.parquet") for name in ("flows", "firms", "carried")
    )
    key = ["year", "firm_code"]
    intermediaries = firms[firms.is_intermediary].set_index(key).index
    declared = flows[flows.set_index(key).index.isin(intermediaries)]
    by = [*key, "direction"]
    assert set(goods.year) == set(YEARS)
    assert goods.groupby(by).value_usd.sum().to_dict() == declared.groupby(by).value_usd.sum().to_dict()


def test_quantities_of_flows_add_up(world: Path, good_lines: list[Line]) -> None:
    flows = pd.read_parquet(world / "truth" / "flows.parquet")
    told = [Decimal(amount_of(line, "quantity") or 0) for line in good_lines if "quantity_text" in line.fields]
    assert flows.loc[flows["year"] < 2016, "quantity"].dropna().sum() == sum(told)


def test_headings_and_revisions_are_those_of_the_readers() -> None:
    renamed = {"ownership_again": "ownership", "office": "customs_office", "unit_code": "unit"}
    used = {layout_of(year, month, edition) for year in YEARS for month in (1, 12) for edition in ("archive", "listed")}
    assert {layout.name for layout in used} == {layout.name for layout in LAYOUTS}
    assert {layout.name for layout in used} == {path.stem for path in LAYOUTS_READ.glob("*.yaml")}
    for year, edition in product(YEARS, ("archive", "listed")):
        layout = layout_of(year, 1, edition)
        ours = read_layout_of(year, list(layout.headings))
        revisions = ours["hs_revision"]
        by_year = [revision for first, revision in revisions.items() if first <= year] if edition == "listed" else ()
        assert layout.hs_revision == (by_year[-1] if by_year else revisions)
        told = {heading: f"{renamed.get(field, field)}_text" for heading, field in layout.headings.items()}
        read = {heading: column for heading, column in ours["headings"].items() if heading in told}
        assert {heading: told[heading] for heading in read} == read


def test_every_layout_and_container_is_there(world: Path) -> None:
    files = {path.relative_to(world / "customs").as_posix() for path in (world / "customs").rglob("*.*")}
    assert {
        "2000/2000-01.csv",
        "2002/2002-12.csv",
        "2003/data200301.csv",
        "2005/200511.csv",
        "2005/200512.csv",
        "2006/200601cn.csv.gz",
        "2007/2007_01.dta",
        "2007/2007_03.csv",
        "2008/2008_02.dta",
        "2010/2010_01.dta",
        "2012/2012_01.dta",
        "2015/2015.zip",
        "2016/2016.parquet",
    } <= files
    assert (world / "customs" / "2005" / "200512.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    releases = {year: (world / "customs" / f"{year}/{year}_01.dta").read_bytes()[:31] for year in range(2007, 2013)}
    assert releases[2007][:1] == releases[2008][:1] == b"\x72"
    assert releases[2010].endswith(b"<release>117")
    assert releases[2012].endswith(b"<release>118")


def test_numeric_codes_lost_their_leading_zeros(good_lines: list[Line]) -> None:
    numeric = [line.fields["product_text"] for line in good_lines if line.layout["product_is_number"]]
    assert not any(code.startswith("0") for code in numeric)
    assert any(len(code) == 7 for code in numeric)
    assert any(line.fields["product_text"].startswith("0") for line in good_lines if line.year in (2003, 2012))


def test_texts_have_the_noise_of_real_files(good_lines: list[Line]) -> None:
    codes, names = ([line.fields[name] for line in good_lines] for name in ("firm_code_text", "firm_name_text"))
    assert any(code != code.upper() for code in codes)
    assert any("," in name for name in names)
    for pattern in ("（.+）", r"\(.+\)", "[華東電國貿廠]", "省.+市?", "^ ", "[Ａ-Ｚ]"):
        assert any(re.search(pattern, name) for name in names), pattern
    phones = [line.fields["phone_text"] for line in good_lines if "phone_text" in line.fields]
    for pattern in (
        r"^\d{3,4}-\d{7}$",
        r"^\d{3,4}-\d{8}$",
        "^（",
        "^00",
        "^[０-９]+$",
        "^NULL$",
        "^0000000$",
        r" \d{3,4}$",
    ):
        assert any(re.search(pattern, phone) for phone in phones), pattern
    assert any(line.fields["value_text"].count(",") for line in good_lines if line.year == 2006)
    assert any(line.fields["value_text"].startswith(" ") for line in good_lines if line.year == 2006)


def test_national_statistics_are_the_legible_records_by_month(
    world: Path, lines: list[Line], planted: list[dict[str, str]]
) -> None:
    """The office knows month, direction and regime also where a defect hides them, so years are compared, and months
    of records in which nothing is wrong."""
    national = pd.read_csv(world / "statistics" / "national_trade.csv", dtype={"value_usd": str})
    total = national.assign(value=national.value_usd.map(Decimal)).groupby("year").value.sum().to_dict()
    by_place = {(row["file"], int(row["line"])): row for row in planted if row["line"]}
    told: Counter[int] = Counter()
    for line in lines:
        row = by_place.get((line.file, line.number))
        if row is None or row["rule"] in FLAGS:
            told[line.year] += cents_of(line)
        elif row["rule"] != "repeated_block":
            told[line.year] += Decimal(row["amount_usd"] or 0)
    assert total == dict(told)
    assert set(national.month) == set(range(1, 13))
    assert set(national.regime[national.year == 2015]) >= {"ordinary", "processing_unspecified"}
    assert not national.duplicated(["year", "month", "direction", "regime"]).any()


def test_chinas_own_reports_agree_with_its_statistics(
    world: Path, lines: list[Line], planted: list[dict[str, str]]
) -> None:
    (path,) = (world / "comtrade").glob("*.csv")
    columns = ["Year", "Trade Flow", "Reporter Code", "Partner Code", "Commodity Code", "Trade Value (US$)"]
    rows = duckdb.sql(f"SELECT * FROM read_csv('{path}', all_varchar = true)").df()[columns]
    own = rows[rows["Reporter Code"] == "156"].assign(dollars=lambda frame: frame["Trade Value (US$)"].astype(float))
    assert not own.duplicated(columns[:5]).any()
    keys = ["Year", "Trade Flow", "Commodity Code"]
    is_world = own["Partner Code"] == "0"
    of_world = own[is_world].set_index(keys).dollars
    of_partners = own[~is_world].groupby(keys).dollars.agg(["sum", "size"])
    assert (abs(of_world - of_partners["sum"]) <= of_partners["size"]).all()
    national = pd.read_csv(world / "statistics" / "national_trade.csv").groupby(["year", "direction"]).value_usd.sum()
    not_reported = ("special_use", "unmapped_code")
    special = {(row["file"], int(row["line"])) for row in planted if row["rule"] in not_reported}
    for line in lines:
        if (line.file, line.number) in special:
            national[line.year, direction_of(line)] -= float(cents_of(line))
    for (year, direction), dollars in national.items():
        chosen = own[is_world & (own["Year"] == str(year)) & (own["Trade Flow"] == direction.capitalize())]
        assert chosen.dollars.sum() == pytest.approx(dollars, abs=len(chosen))


def test_comtrade_file_is_in_the_classic_layout(world: Path) -> None:
    (path,) = (world / "comtrade").glob("*.csv")
    layout = yaml.safe_load(COMTRADE_LAYOUT.read_text(encoding="utf-8"))
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert tuple(rows.columns) == tuple(COMTRADE_HEADINGS)
    assert set(rows.columns) == {*layout["headings"], *layout["ignored"]}
    assert len(rows.columns) == 35
    assert not rows.duplicated(["Year", "Trade Flow Code", "Reporter Code", "Partner Code", "Commodity Code"]).any()
    assert set(rows["Trade Flow"]) == {"Import", "Export", "Re-Export"}
    assert set(rows.loc[rows["Reporter ISO"] == "", "Reporter Code"]) == {"490"}
    assert (rows["Trade Value (US$)"].astype(float) > 0).all()
    classes = rows.groupby("Year")["Classification"].value_counts(normalize=True)
    assert classes["2007", "H3"] > 0.8
    assert classes["2007", "H2"] > 0
    exports = rows[(rows["Trade Flow"] == "Export") & (rows["Year"] == "2007") & (rows["Partner Code"] == "0")]
    by_product = exports.assign(dollars=exports["Trade Value (US$)"].astype(float)).groupby("Commodity Code").dollars
    largest = by_product.max() / by_product.sum()
    assert largest.min() < 0.25
    assert largest.max() > 0.6


def _digests(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_a_simulation_is_written_once_and_replaced_by_another(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, again = tmp_path / "world", tmp_path / "again"
    simulate(spark, out, FEW_YEARS)
    assert is_simulated(out, FEW_YEARS)
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    with caplog.at_level(logging.INFO):
        simulate(spark, out, FEW_YEARS)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == written
    assert [record.message for record in caplog.records if "nothing to write" in record.message]

    spark.conf.set("spark.sql.shuffle.partitions", "7")
    simulate(spark, again, FEW_YEARS)
    spark.conf.set("spark.sql.shuffle.partitions", "2")
    assert _digests(again) == _digests(out)

    assert not is_simulated(out, FEW_YEARS.model_copy(update={"seed": 12}))
    shutil.rmtree(again / "customs" / "2007")
    assert not is_simulated(again, FEW_YEARS)
    coded = FEW_YEARS.model_copy(update={"years": (2007, 2007), "container": "parquet"})
    simulate(spark, again, coded)
    assert is_simulated(again, coded)
    assert {path.name for path in again.iterdir()} == {"declarations", "truth"}
    _check_declarations(again)


@pytest.mark.slow
def test_one_core_writes_the_same_bytes_as_two(spark: SparkSession, tmp_path: Path) -> None:
    year = FEW_YEARS.model_copy(update={"years": (2006, 2007)})
    simulate(spark, tmp_path / "two", year)
    chosen = ("simulate.skip_years=[]", "spark.master=local[1]", "spark.driver_memory=1g")
    others = ("spark.shuffle_partitions=7", f"reports={tmp_path / 'reports'}")
    command = [
        *("simulate", "--out", str(tmp_path / "one"), "--declarations", "2000", "--years", "2006-2007", "--seed", "11"),
        *(word for assignment in (*chosen, *others) for word in ("--set", assignment)),
    ]
    main = "import sys; from haiguan.jobs.cli import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", main, *command], check=True, capture_output=True)
    assert _digests(tmp_path / "one") == _digests(tmp_path / "two")


def _check_declarations(out: Path) -> None:
    """Coded declarations for benchmarks: types, codes, and the totals of the truth."""
    found = duckdb.sql(f"SELECT * FROM read_parquet('{out}/declarations/*.parquet')")
    types = dict(zip(found.columns, map(str, found.types), strict=True))
    assert types["value_usd"] == "DECIMAL(18,2)"
    assert {types[name] for name in ("firm_code", "product_code", "partner_code", "regime", "unit_code")} == {"VARCHAR"}
    rows = found.df()
    assert set(rows.firm_code.str.len()) == {10}
    assert set(rows.product_code.str.len()) == {8}
    assert set(rows.partner_code.str.len()) == {3}
    totals = pd.read_csv(out / "truth" / "totals.csv").set_index("direction")
    assert rows.groupby("direction").size().to_dict() == totals.records.to_dict()
    sums = rows.groupby("direction").value_usd.sum().to_dict()
    assert sums == pytest.approx(totals.value_usd.to_dict(), abs=0.01)


def test_a_folder_with_something_else_is_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"thesis\.tex.*empty folder"):
        simulate(spark, tmp_path, ALL_YEARS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_years_without_a_layout_are_an_error(spark: SparkSession, tmp_path: Path) -> None:
    assert tuple(range(2000, 2017)) == YEARS
    with pytest.raises(InputError, match="2000 to 2016"):
        simulate(spark, tmp_path / "world", ALL_YEARS.model_copy(update={"years": (2017, 2019)}))
    assert not (tmp_path / "world").exists()
