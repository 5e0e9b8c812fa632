"""Simulated reports to UN Comtrade: partners by their M49 codes, reporters from the table of countries."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.simulation.catalogue import Partners, Products
from haiguan.transforms.simulation.comtrade import other_reports, own_reports
from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.plan import EXPORT, IMPORT
from haiguan.transforms.simulation.records import World
from haiguan.transforms.simulation.truth import Declared

# Code, M49 code, name; what is declared of two products in exports, dollars; what Comtrade calls it.
PARTNERS = [
    ("JPN", "392", "Japan", (7, 1), ("392", "Japan", "JPN")),
    ("AFG", "004", "Afghanistan", (5, 0), ("4", "Afghanistan", "AFG")),
    ("TWN", "490", "Taiwan", (11, 0), ("490", "Other Asia, nes", "")),
    ("XAF", "577", "Africa, not elsewhere specified", (13, 0), ("577", "Africa, not elsewhere specified", "")),
    ("XCE", "", "Ceuta", (17, 2), ("899", "Areas, nes", "")),
    ("XUN", "899", "Country or area not known", (19, 0), ("899", "Areas, nes", "")),
]


@pytest.fixture
def reports() -> pd.DataFrame:
    codes, m49_codes, names, dollars, _ = zip(*PARTNERS, strict=True)
    nothing: tuple[Any, ...] = ((),) * len(codes)
    weights = (1 / len(codes),) * len(codes)
    partners = Partners(codes, nothing, nothing, m49_codes, names, weights, weights)
    products = Products({"HS2007": ("010210", "848620")}, {"HS2007": ("cattle", "machines")}, {}, (), ())
    world = World(cast(Any, None), products, partners)
    by_product = np.zeros((2, len(codes), 2), dtype=np.int64)
    by_product[:, :, EXPORT] = np.array(dollars).T * 100
    by_product[0, 1, IMPORT] = 2300
    declared = Declared(np.zeros(0, dtype=np.int64), by_product, np.zeros(0, dtype=np.int64))
    return own_reports(world, 2007, declared).to_pandas()


def test_every_partner_with_an_m49_code_is_told_by_it(reports):
    exports = reports[(reports["Trade Flow"] == "Export") & (reports["Commodity Code"] == "010210")]
    told = exports.set_index(["Partner Code", "Partner", "Partner ISO"])["Trade Value (US$)"].to_dict()
    assert told == {
        ("0", "World", "WLD"): "72",
        ("392", "Japan", "JPN"): "7",
        ("4", "Afghanistan", "AFG"): "5",
        ("490", "Other Asia, nes", ""): "11",
        ("577", "Africa, not elsewhere specified", ""): "13",
        ("899", "Areas, nes", ""): "36",
    }
    assert {named for *_, named in PARTNERS} == set(told) - {("0", "World", "WLD")}


def test_partners_that_trade_nothing_are_not_told(reports):
    rest = reports[(reports["Trade Flow"] == "Import") | (reports["Commodity Code"] == "848620")]
    told = rest.groupby(["Trade Flow", "Commodity Code"])["Partner Code"].agg(set).to_dict()
    assert told == {("Export", "848620"): {"0", "392", "899"}, ("Import", "010210"): {"0", "4"}}


def test_reporters_are_those_of_the_table_by_their_m49_codes():
    text = files("haiguan.conf").joinpath("codes").joinpath("countries.csv").read_text(encoding="utf-8")
    countries = pd.DataFrame(list(csv.DictReader(text.splitlines())))
    products = pd.DataFrame([("HS2007", "010210", "cattle")], columns=["hs_revision", "product_code", "product_name"])
    made = other_reports(products, countries, 2007, "HS2007", Draws(1)).to_pandas()
    told = {(int(row["Reporter Code"]), row["Reporter ISO"]) for _, row in made.iterrows()}
    listed = countries[countries.is_comtrade_reporter == "yes"]
    assert told - {(490, "")} <= set(zip(listed.m49_code.astype(int), listed.country_code, strict=True))
    assert (490, "") in told
    assert len(told) > 50
