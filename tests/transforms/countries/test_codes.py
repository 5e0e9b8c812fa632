"""Countries: every code and every name belongs to one of them, and to the right one."""

from __future__ import annotations

import csv
from collections import Counter
from importlib.resources import files

import pytest


@pytest.fixture(scope="module")
def countries() -> list[dict[str, str]]:
    text = files("haiguan.conf").joinpath("codes").joinpath("countries.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _several(row: dict[str, str], *names: str) -> list[str]:
    return [entry for name in names for entry in row[name].split("|") if entry]


@pytest.mark.parametrize(
    "names", [("country_code",), ("customs_code", "further_customs_codes"), ("labels",), ("m49_code",)]
)
def test_no_code_and_no_name_stands_for_two_countries(countries, names):
    counted = Counter(entry for row in countries for entry in _several(row, *names))
    assert [entry for entry, times in counted.items() if times > 1] == []


def test_there_are_the_codes_of_iso_3166_and_the_special_areas(countries):
    codes = {row["country_code"] for row in countries}
    special = {code for code in codes if code.startswith("X")}
    former = {"ANT", "YUG"}
    assert len(codes - special - former) == 249  # ISO 3166-1 of 2020
    assert {"XAS", "XEU", "XUN", "XCE"} <= special


@pytest.mark.parametrize(
    ("customs_code", "country_code"),
    [("502", "USA"), ("110", "HKG"), ("304", "DEU"), ("116", "JPN"), ("142", "CHN"), ("143", "TWN"), ("146", "KGZ")],
)
def test_customs_codes_that_everybody_knows(countries, customs_code, country_code):
    of_code = {code: row for row in countries for code in _several(row, "customs_code", "further_customs_codes")}
    assert of_code[customs_code]["country_code"] == country_code


@pytest.mark.real_data
def test_every_code_and_name_of_a_published_list_is_known(countries, real_data):
    of_code = {code: row for row in countries for code in _several(row, "customs_code", "further_customs_codes")}
    published = (real_data / "codes" / "customs_country_codes_238.csv").read_text(encoding="utf-8").splitlines()[1:]
    pairs = [line.split(",") for line in published]
    unknown = [
        (code, name)
        for code, name in pairs
        if code != "NA" and name not in _several(of_code.get(code, {"labels": ""}), "labels")
    ]
    assert len(pairs) >= 238
    assert unknown == []
