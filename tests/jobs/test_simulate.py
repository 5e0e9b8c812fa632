"""The files of a simulated world, read by plain Python, against the truth that lies beside them."""

from __future__ import annotations

import csv
import hashlib
import logging
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.resources import files as package_files
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import yaml
from pyspark.sql import SparkSession

from haiguan.jobs.simulate import SimulateSettings, is_simulated, simulate
from haiguan.transforms.errors import InputError
from haiguan.transforms.simulation.comtrade import HEADINGS as COMTRADE_HEADINGS
from haiguan.transforms.simulation.editions import EDITIONS
from haiguan.transforms.simulation.rules import FLAGS, REJECTING

SETTINGS = SimulateSettings(world="archive", declarations=4_000, years=(2000, 2010), seed=11)
LAYOUTS = Path(__file__).parents[2] / "conf" / "layouts"
CENT = Decimal("0.01")


class Line(NamedTuple):
    """A line of a customs file that could be read; the fields by heading of the layout's columns."""

    file: str
    number: int
    year: int
    fields: dict[str, str]


@pytest.fixture(scope="module")
def world(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "world"
    simulate(spark, out, SETTINGS)
    return out


@pytest.fixture(scope="module")
def layouts() -> dict[int, dict]:
    """Year -> layout, as the readers know it."""
    read = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((LAYOUTS / "customs").glob("*.yaml"))]
    return {year: layout for layout in read for year in range(layout["years"][0], layout["years"][1] + 1)}


@pytest.fixture(scope="module")
def codes() -> dict[str, pd.DataFrame]:
    folder = package_files("haiguan.conf").joinpath("codes")
    return {
        name: pd.read_csv(folder.joinpath(f"{name}.csv").open(encoding="utf-8"), dtype=str, keep_default_na=False)
        for name in ("countries", "products")
    }


@pytest.fixture(scope="module")
def planted(world: Path) -> list[dict[str, str]]:
    with (world / "truth" / "defects.csv").open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def _delivered_once(world: Path) -> Iterator[tuple[str, bytes]]:
    seen = set()
    for path in sorted((world / "customs").rglob("*.csv"), key=lambda path: (len(path.name), path)):
        content = path.read_bytes()
        if content not in seen:
            seen.add(content)
            yield path.relative_to(world / "customs").as_posix(), content


def _raw_lines(world: Path) -> Iterator[tuple[str, int, bytes]]:
    for file, content in _delivered_once(world):
        assert content.endswith(b"\n")
        assert b"\r" not in content
        for number, line in enumerate(content[:-1].split(b"\n"), start=1):
            yield file, number, line


@pytest.fixture(scope="module")
def broken_rules(world: Path, layouts: dict[int, dict], codes: dict[str, pd.DataFrame]) -> dict[tuple[str, int], str]:
    """File and line -> rule, by an independent reading of the files; lines under no rule are not in it."""
    return {
        (file, number): rule
        for file, number, line in _raw_lines(world)
        if number > 1 and (rule := _rule(file, line, layouts, codes))
    }


def _rule(file: str, line: bytes, layouts: dict[int, dict], codes: dict[str, pd.DataFrame]) -> str | None:
    try:
        text = line.decode("gb18030")
    except UnicodeDecodeError:
        return "undecodable_line"
    year = int(file[:4])
    layout = layouts[year]
    fields = next(csv.reader([text]))
    if len(fields) != len(layout["headings"]):
        return "unsplittable_line"
    broken = list(_broken(dict(zip(layout["headings"].values(), fields, strict=True)), year, layout, codes))
    assert len(broken) <= 1, (file, line, broken)
    return broken[0] if broken else None


def _broken(fields: dict[str, str], year: int, layout: dict, codes: dict[str, pd.DataFrame]) -> Iterator[str]:
    period, product, partner = fields["period_text"], fields["product_text"], fields["partner_text"].strip()
    if not re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", period):
        yield "malformed_period"
    elif int(period[:4]) != year:
        yield "year_mismatch"
    if fields["direction_text"].strip() == "":
        yield "blank_direction"
    else:
        assert fields["direction_text"] in layout["codings"]["direction"]
    if not re.fullmatch(r"\d{5}\d[0-9A-Za-z]{4}", fields["firm_code_text"]):
        yield "malformed_firm_code"
    padded = product.zfill(8) if layout["product_is_number"] else product
    if not re.fullmatch(r"\d{8}", padded):
        yield "malformed_product"
    elif padded[:6] not in _known_products(codes, layout["hs_revision"]):
        yield "unknown_product"
    if not partner:
        yield "blank_partner"
    elif partner not in _known_partners(codes, layout["partner_coding"]):
        raise AssertionError(f"unknown partner {partner}")
    elif partner in ("142", "中国", "中华人民共和国"):
        yield "partner_is_declarant"
    if not re.fullmatch(r"\d+(\.\d+)?", fields["value_text"]):
        yield "malformed_value"
    if fields["regime_text"].strip() == "":
        yield "blank_regime"
    else:
        assert fields["regime_text"] in layout["codings"]["regime"]
    quantity = fields["quantity_text"]
    if quantity in ("", "0"):
        yield "zero_quantity" if quantity else "missing_quantity"
    elif not re.fullmatch(r"\d+(\.\d+)?", quantity):
        yield "malformed_quantity"
    assert fields["ownership_text"] in layout["codings"]["ownership"]
    assert fields["unit_text"] in layout["codings"]["unit"]


def _known_products(codes: dict[str, pd.DataFrame], revision: str) -> set[str]:
    products = codes["products"]
    return set(products.loc[products["hs_revision"] == revision, "product_code"])


def _known_partners(codes: dict[str, pd.DataFrame], coding: str) -> set[str]:
    countries = codes["countries"]
    if coding == "customs_code":
        return set(countries["customs_code"])
    return {label for labels in countries["labels"] for label in labels.split("|")}


@pytest.fixture(scope="module")
def good_lines(world: Path, layouts: dict[int, dict], broken_rules: dict[tuple[str, int], str]) -> list[Line]:
    return [
        Line(file, number, int(file[:4]), dict(zip(layouts[int(file[:4])]["headings"].values(), fields, strict=True)))
        for file, number, line in _raw_lines(world)
        if number > 1 and broken_rules.get((file, number)) not in REJECTING
        for fields in [next(csv.reader([line.decode("gb18030")]))]
    ]


def test_every_planted_defect_is_in_the_files_and_nothing_else(
    planted: list[dict[str, str]], broken_rules: dict[tuple[str, int], str]
) -> None:
    truth = {(row["file"], int(row["line"])): row["rule"] for row in planted if row["line"]}
    assert broken_rules == truth
    counts = Counter(truth.values())
    assert set(counts) == {*REJECTING, *FLAGS}
    assert min(counts.values()) >= 3


def test_two_files_repeat_others_byte_for_byte(
    world: Path, planted: list[dict[str, str]], layouts: dict[int, dict]
) -> None:
    copies = [row["file"] for row in planted if row["rule"] == "repeated_file"]
    assert len(copies) == 2
    paths = [path.relative_to(world / "customs").as_posix() for path in (world / "customs").rglob("*.csv")]
    digests = Counter(hashlib.sha256((world / "customs" / path).read_bytes()).hexdigest() for path in paths)
    assert sorted(digests.values(), reverse=True)[:3] == [2, 2, 1]
    for copy in copies:
        original = copy.replace("(1)", "")
        assert (world / "customs" / copy).read_bytes() == (world / "customs" / original).read_bytes()
        assert re.search(layouts[int(copy[:4])]["file_name"], Path(copy).name)


def test_totals_to_the_cent(world: Path, good_lines: list[Line], layouts: dict[int, dict]) -> None:
    records: Counter[tuple[int, str]] = Counter()
    value: Counter[tuple[int, str]] = Counter()
    for line in good_lines:
        group = line.year, layouts[line.year]["codings"]["direction"][line.fields["direction_text"]]
        records[group] += 1
        value[group] += Decimal(line.fields["value_text"]).quantize(CENT, rounding=ROUND_HALF_EVEN)
    with (world / "truth" / "totals.csv").open(encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    assert {(int(row["year"]), row["direction"]): int(row["records"]) for row in rows} == dict(records)
    assert {(int(row["year"]), row["direction"]): Decimal(row["value_usd"]) for row in rows} == dict(value)
    assert sum(records.values()) == SETTINGS.declarations


def test_some_values_are_exactly_half_a_cent(good_lines: list[Line]) -> None:
    fine = [Decimal(line.fields["value_text"]) % CENT for line in good_lines]
    assert sum(bool(rest) for rest in fine) > len(fine) / 20
    assert Decimal("0.005") in fine


def test_amounts_of_defects_are_what_the_lines_say(
    world: Path, planted: list[dict[str, str]], layouts: dict[int, dict]
) -> None:
    lines = {(file, number): line for file, number, line in _raw_lines(world)}
    for row in planted:
        is_plain = row["rule"] not in ("malformed_value", "unsplittable_line", "repeated_file")
        assert bool(row["amount_usd"]) == is_plain, row
        if is_plain and row["rule"] != "undecodable_line":
            fields = next(csv.reader([lines[row["file"], int(row["line"])].decode("gb18030")]))
            assert (
                fields[list(layouts[int(row["file"][:4])]["headings"].values()).index("value_text")]
                == row["amount_usd"]
            )


def test_flows_are_the_good_records_summed_up(
    world: Path, good_lines: list[Line], layouts: dict[int, dict], codes: dict[str, pd.DataFrame]
) -> None:
    value: Counter[tuple[object, ...]] = Counter()
    quantity: dict[tuple[object, ...], Decimal | None] = {}
    for line in good_lines:
        key = _flow_of(line, layouts[line.year], codes)
        value[key] += Decimal(line.fields["value_text"]).quantize(CENT, rounding=ROUND_HALF_EVEN)
        before, here = quantity.get(key), line.fields["quantity_text"]
        quantity[key] = (before or 0) + Decimal(here) if here else before
    flows = pd.read_parquet(world / "truth" / "flows.parquet")
    keys = "year firm_code product_code hs_revision partner_code regime direction unit_code".split()
    truth = {tuple(row[key] for key in keys): row for row in flows.to_dict("records")}
    assert len(truth) == len(flows)
    assert {key: row["value_usd"] for key, row in truth.items()} == dict(value)
    assert {key: row["quantity"] for key, row in truth.items()} == quantity
    assert flows["declarations"].sum() == SETTINGS.declarations


def _flow_of(line: Line, layout: dict, codes: dict[str, pd.DataFrame]) -> tuple[object, ...]:
    text, codings = line.fields, layout["codings"]
    partner = text["partner_text"]
    column = codes["countries"]["customs_code"] if layout["partner_coding"] == "customs_code" else None
    row = (
        codes["countries"][column == partner]
        if column is not None
        else codes["countries"][[partner in labels.split("|") for labels in codes["countries"]["labels"]]]
    )
    return (
        line.year,
        text["firm_code_text"].upper(),
        text["product_text"].zfill(8),
        layout["hs_revision"],
        row["country_code"].item(),
        codings["regime"][text["regime_text"]],
        codings["direction"][text["direction_text"]],
        codings["unit"][text["unit_text"]],
    )


def test_headings_are_those_of_the_layouts(world: Path, layouts: dict[int, dict]) -> None:
    for file, number, line in _raw_lines(world):
        if number == 1:
            assert line.decode("gb18030").split(",") == list(layouts[int(file[:4])]["headings"])
    for edition in EDITIONS:
        for year in edition.years:
            assert list(edition.headings) == list(layouts[year]["headings"])
            assert edition.hs_revision == layouts[year]["hs_revision"]


def test_months_are_those_of_the_files(good_lines: list[Line]) -> None:
    for line in good_lines:
        month = re.search(r"data\d{4}(\d\d)", line.file)
        assert month is None or line.fields["period_text"][4:] == month[1]
    assert len({line.fields["period_text"] for line in good_lines if line.year == 2007}) == 12


def test_numeric_codes_lost_their_leading_zeros(good_lines: list[Line]) -> None:
    yearly = [line.fields["product_text"] for line in good_lines if line.year == 2007]
    assert not any(code.startswith("0") for code in yearly)
    assert any(len(code) == 7 for code in yearly)
    assert any(line.fields["product_text"].startswith("0") for line in good_lines if line.year == 2003)


def test_firm_codes_come_in_both_cases_and_names_with_commas(good_lines: list[Line]) -> None:
    assert any(line.fields["firm_code_text"] != line.fields["firm_code_text"].upper() for line in good_lines)
    assert any("," in line.fields["firm_name_text"] for line in good_lines)


def test_comtrade_file_is_in_the_classic_layout(world: Path) -> None:
    (path,) = (world / "comtrade").glob("*.csv")
    layout = yaml.safe_load((LAYOUTS / "comtrade" / "bulk_classic.yaml").read_text(encoding="utf-8"))
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert tuple(rows.columns) == tuple(COMTRADE_HEADINGS)
    assert set(rows.columns) == {*layout["headings"], *layout["ignored"]}
    assert len(rows.columns) == 35
    key = ["Year", "Trade Flow Code", "Reporter Code", "Commodity Code"]
    assert not rows.duplicated(key).any()
    assert set(rows["Trade Flow"]) == {"Import", "Export", "Re-Export"}
    assert set(rows.loc[rows["Reporter ISO"] == "", "Reporter Code"]) == {"490"}
    assert (rows["Trade Value (US$)"].astype(float) > 0).all()
    classes = rows.groupby("Year")["Classification"].value_counts(normalize=True)
    assert classes["2007", "H3"] > 0.8
    assert classes["2007", "H2"] > 0


def test_some_products_are_concentrated_and_some_are_not(world: Path) -> None:
    (path,) = (world / "comtrade").glob("*.csv")
    rows = pd.read_csv(path, dtype={"Commodity Code": str})
    exports = rows[(rows["Trade Flow"] == "Export") & (rows["Year"] == 2007)]
    by_product = exports.groupby("Commodity Code")["Trade Value (US$)"]
    largest = by_product.max() / by_product.sum()
    assert largest.min() < 0.25
    assert largest.max() > 0.6


def _digests(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_bytes_do_not_depend_on_partitions(spark: SparkSession, world: Path, tmp_path: Path) -> None:
    settings = {"spark.sql.shuffle.partitions": "7", "spark.sql.leafNodeDefaultParallelism": "5"}
    before = {name: spark.conf.get(name, None) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        simulate(spark, tmp_path / "again", SETTINGS)
    finally:
        for name, value in before.items():
            spark.conf.unset(name) if value is None else spark.conf.set(name, value)
    assert _digests(tmp_path / "again") == _digests(world)


def test_exactly_this_simulation_is_not_written_again(
    spark: SparkSession, world: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.rglob("*")}
    with caplog.at_level(logging.INFO):
        simulate(spark, world, SETTINGS)
    assert {path: path.stat().st_mtime_ns for path in world.rglob("*")} == before
    assert [record.message for record in caplog.records if "nothing to write" in record.message]


def test_only_a_complete_simulation_of_the_same_settings_counts(world: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(world, tmp_path / "world"))
    assert is_simulated(out, SETTINGS)
    assert not is_simulated(out, SETTINGS.model_copy(update={"seed": 12}))
    (out / "customs" / "2007" / "2007_1.csv").unlink()
    assert not is_simulated(out, SETTINGS)


def test_another_simulation_is_replaced(spark: SparkSession, world: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(world, tmp_path / "world"))
    other = SETTINGS.model_copy(update={"declarations": 1_000, "years": (2007, 2007)})
    simulate(spark, out, other)
    assert is_simulated(out, other)
    assert {path.name for path in (out / "customs").iterdir()} == {"2007"}
    assert {path.name for path in out.iterdir()} == {"comtrade", "customs", "truth"}


def test_a_folder_with_something_else_is_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"thesis\.tex.*empty folder"):
        simulate(spark, tmp_path, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_years_without_a_layout_are_an_error(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2003, 2004, 2007"):
        simulate(spark, tmp_path / "world", SETTINGS.model_copy(update={"years": (2010, 2012)}))
    assert not (tmp_path / "world").exists()
