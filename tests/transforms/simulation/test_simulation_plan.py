"""Records of cells, files and rules, in closed form."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haiguan.jobs.simulate import SimulateSettings, embedded_tables, world_of
from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.editions import pieces_of, repeated_files
from haiguan.transforms.simulation.firms import are_intermediaries
from haiguan.transforms.simulation.pages import blocks, pages
from haiguan.transforms.simulation.plan import EXPORT, IMPORT, plan_world
from haiguan.transforms.simulation.records import World, producers
from haiguan.transforms.simulation.rules import FLAGS, REJECTING, REPEATED_BLOCK, RULES, spread
from haiguan.transforms.simulation.truth import annual_flows, carried, firm_years
from haiguan.transforms.simulation.wording import regime_told


def world_with(declarations: int, first: int, last: int, *skipped: int) -> World:
    settings = SimulateSettings(
        world="archive",
        declarations=declarations,
        years=(first, last),
        skip_years=skipped,
        seed=3,
        without=(),
        container="files",
    )
    return world_of(settings, embedded_tables())


@pytest.mark.parametrize(
    ("declarations", "years"), [(1_000, (2003,)), (400_000, (2007,)), (90_000, (2000, 2005, 2016))]
)
def test_the_records_of_a_world_are_as_many_as_asked_for(declarations: int, years: tuple[int, ...]) -> None:
    plan = plan_world(Draws(1), declarations, years)
    assert plan.records.sum() == declarations
    assert (plan.records >= plan.cells).all()


@given(
    count=st.integers(min_value=0, max_value=50),
    total=st.integers(min_value=0, max_value=2_000),
    cuts=st.lists(st.integers(min_value=0, max_value=2_000), max_size=4),
)
def test_numbers_are_spread_alike_however_the_range_is_cut(count: int, total: int, cuts: list[int]) -> None:
    whole = spread(Draws(1), "rule", count, total, 0, total)[1].tolist()
    bounds = sorted({0, total, *(cut for cut in cuts if cut < total)})
    parts = [spread(Draws(1), "rule", count, total, start, end)[1].tolist() for start, end in pairwise(bounds)]
    assert [number for part in parts for number in part] == whole
    assert len(set(whole)) == (count if total >= count else 0)


def test_cells_add_up_and_defects_come_on_top() -> None:
    world = world_with(30_000, 2005, 2010, 2006, 2007, 2008, 2009)
    for year_index in range(2):
        for number, firms, everything in blocks(world, year_index):
            records = everything.take(everything.rule != RULES.index(REPEATED_BLOCK))
            for direction, cents in ((IMPORT, firms.import_cents), (EXPORT, firms.export_cents)):
                good = records.take(records.is_published & (records.direction == direction))
                assert len(good.id) == world.plan.records[year_index, number, direction]
                sums = np.zeros(len(firms.ids), dtype=np.int64)
                np.add.at(sums, good.firm, good.cents)
                assert (sums == cents[:, year_index]).all()
        planted = {rule: int((records.rule == RULES.index(rule)).sum()) for rule in RULES}
        assert {rule: planted[rule] for rule in REJECTING} == {
            rule: world.planted(rule, year_index) for rule in REJECTING
        }
        assert all(planted[flag] <= world.planted(flag, year_index) for flag in FLAGS)


def test_a_flow_has_about_five_months_in_a_large_world() -> None:
    world = world_with(400_000, 2007, 2007)
    _, firms, records = next(iter(blocks(world, 0)))
    flows = np.unique(np.stack([records.firm, records.direction, records.flow]), axis=1).shape[1]
    assert 3.5 < len(records.id) / flows < 7
    assert len(np.unique(records.product)) > 300
    assert firms.is_intermediary.mean() == pytest.approx(0.12, abs=0.01)


def test_files_of_a_year_grow_in_number_not_in_size() -> None:
    assert len(pieces_of(2009, 5_000)) == 2
    assert len(pieces_of(2009, 4_000_000)) == 10
    assert [piece.month for piece in pieces_of(2004, 5_000)] == list(range(1, 13))
    assert {piece.layout.name for piece in pieces_of(2005, 5_000)} == {"monthly_2005", "monthly_2005_december"}
    assert {piece.archive for piece in pieces_of(2015, 5_000)} == {"2015/2015.zip"}
    assert set(repeated_files(pieces_of(2006, 5_000))) == {"2006/200605cn(1).csv.gz", "2006/200609cn(1).csv.gz"}


@pytest.fixture(scope="module")
def regimes_told() -> dict[tuple[int, str], set[str]]:
    """Year and what a regime stands for in the truth -> its labels and codes in the files."""
    world = world_with(60_000, 2000, 2012, *(year for year in range(2001, 2012) if year not in (2004, 2007, 2009)))
    told: dict[tuple[int, str], set[str]] = {}
    for index, year in enumerate(world.plan.years):
        true_of = np.array(regime_told(world.layout(year)))
        for _, firms, records in blocks(world, index):
            for page in pages(world, index, firms, records.take(records.rule < 0), {}):
                for regime, text in zip(true_of[page.records.regime], page.fields["regime"].to_pylist(), strict=True):
                    told.setdefault((year, str(regime)), set()).add(text)
    return told


@pytest.mark.parametrize(
    ("year", "regime", "texts"),
    [
        (2000, "ordinary", {"一般贸易", "10", "0110"}),
        (2000, "processing_supplied", {"来料加工装配贸易", "14", "0214"}),
        (2000, "processing_imported", {"进料加工贸易", "15", "0615"}),
        (2000, "lease", {"租赁贸易", "23", "1523"}),
        (2004, "ordinary", {"一般贸易"}),
        (2004, "equipment", {"外商投资企业作为投资进口的设备、物品", "来料加工装配进口的设备", "出口加工区进口设备"}),
        (2007, "ordinary", {"10", "110"}),
        (2007, "processing_imported", {"15", "615"}),
        (2007, "equipment", {"25", "20", "35"}),
        (2009, "ordinary", {"1", "110"}),
        (2009, "processing_unspecified", {"2"}),
        (2009, "processing_supplied", {"214"}),
        (2012, "ordinary", {"1", "110"}),
        (2012, "processing_unspecified", {"23"}),
        (2012, "processing_imported", {"615"}),
        (2012, "lease", {"1523"}),
    ],
)
def test_regimes_are_told_in_every_way_of_the_files(
    regimes_told: dict[tuple[int, str], set[str]], year: int, regime: str, texts: set[str]
) -> None:
    """By name, by the codes of the statistics, as general or processing, and by codes of customs supervision."""
    assert regimes_told[year, regime] == texts


@pytest.fixture(scope="module")
def trade_of_2007() -> tuple[World, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A world of one year with what its truth says: flows, firms, and whose goods were carried."""
    world = world_with(60_000, 2007, 2007)
    parts = [
        (annual_flows(world, 2007, firms, records), firm_years(world, 0, firms), carried(world, 2007, firms, records))
        for _, firms, records in blocks(world, 0)
    ]
    flows, firms, goods = (pa.concat_tables(tables).to_pandas() for tables in zip(*parts, strict=True))
    return world, flows, firms, goods


def test_what_intermediaries_declare_is_what_they_carry_for_producers(trade_of_2007) -> None:
    """In every firm and direction, to the cent: the sum over its producers is the sum over its flows."""
    world, flows, firms, goods = trade_of_2007
    names = set(firms.firm_code[firms.is_intermediary])
    declared = flows[flows.firm_code.isin(names)].groupby(["firm_code", "direction"])
    told = goods.groupby(["firm_code", "direction"])
    assert len(names) > 100
    for amount in ("value_usd", "declarations"):
        assert declared[amount].sum().to_dict() == told[amount].sum().to_dict()
    codes = firms.set_index("firm").firm_code
    assert (goods.firm.map(codes) == goods.firm_code).all()
    assert not are_intermediaries(world.plan.draws, goods.producer.to_numpy()).any()
    assert set(goods.producer) < set(range(world.plan.firms))
    assert 2 < goods.groupby("firm").producer.nunique().max() <= 12


def test_intermediaries_sell_what_their_producers_sell(trade_of_2007) -> None:
    """A product that an intermediary sells is one of its producers', much more often than one of other firms'."""
    _, flows, firms, goods = trade_of_2007
    exports = flows[flows.direction == "export"].assign(heading=lambda frame: frame.product_code.str[:6])
    sold = exports.groupby("firm_code").heading.agg(set).to_dict()
    codes = firms.set_index("firm").firm_code.to_dict()
    clients = goods[goods.direction == "export"].groupby("firm_code").producer.agg(list)
    others = sorted(code for code in sold if code not in set(clients.index))

    def share_known(pick) -> float:
        found = [len(sold[code] & set().union(*pick(ids))) / len(sold[code]) for code, ids in clients.items()]
        return float(np.mean(found))

    theirs = share_known(lambda ids: [sold.get(codes.get(number, ""), set()) for number in ids])
    anyones = share_known(lambda ids: [sold[others[number % len(others)]] for number in ids])
    assert theirs > 2 * anyones


def test_an_intermediary_without_anyone_to_trade_for_trades_its_own_goods() -> None:
    first = np.zeros(1, dtype=np.int64)
    seed = next(seed for seed in range(1_000) if are_intermediaries(Draws(seed), first)[0])
    plan = plan_world(Draws(seed), 1_000, (2007,))
    firms = plan.block(0, 1)
    rows = np.flatnonzero(firms.is_intermediary)
    assert len(rows) > 1
    assert (producers(replace(plan, firms=1), firms, rows, rows) == firms.ids[rows]).all()
