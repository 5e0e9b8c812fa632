"""How many records each firm, year and direction has, and where in the files each record stands: all in closed form.

Every record of the world has a position; a file is a range of positions, so that file and line of a record are known
before anything is written. Within a year the number of a record in the order of its firm is sent to its position by a
permutation, n -> (a * n + c) mod M, which spreads each firm's records over the year.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np
import pyarrow as pa

from haiguan.transforms.simulation.draws import Draws, Floats, Ids
from haiguan.transforms.simulation.editions import CustomsFile, customs_files
from haiguan.transforms.simulation.firms import Firms
from haiguan.transforms.simulation.rules import REJECTING, defects_per_rule, records_per_flag

IMPORT, EXPORT = 0, 1
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Permutation:
    """n -> start + (multiplier * n + shift) mod size."""

    start: int
    multiplier: int
    shift: int
    size: int


@dataclass(frozen=True)
class Plan:
    """Everything about a world that is known on the driver.

    Attributes:
        years: the years, in order.
        cells: one row per firm x year x direction, and one per defective record, in columns cell, firm, place, zone,
            ownership, serial, year_index, direction, total_cents, records, first (number of its first record
            among all good records), first_in_year, rule (null: good), variant.
        permutations: one per year.
        files: the customs files, before any is repeated.
        good_records: number of good records.
        imports: number of those that are imports; they come first in the numbering.
        flagged: number of good records that carry each flag.
    """

    years: tuple[int, ...]
    cells: pa.Table
    permutations: tuple[Permutation, ...]
    files: tuple[CustomsFile, ...]
    good_records: int
    imports: int
    flagged: int


def plan_records(draws: Draws, firms: Firms, declarations: int) -> Plan:
    """Spreads the declarations over the firms, adds the defective records, and lays all of them out in files."""
    good = _good_cells(firms, declarations)
    good_records = int(good["records"].sum())
    in_year = [int(good["records"][good["year_index"] == index].sum()) for index in range(len(firms.years))]
    defects = _defect_cells(draws, good, in_year, defects_per_rule(good_records))
    per_year = tuple(count + int((defects["year_index"] == index).sum()) for index, count in enumerate(in_year))
    return Plan(
        years=firms.years,
        cells=_as_table(firms, good, defects),
        permutations=_permutations(draws, per_year),
        files=customs_files(firms.years, per_year),
        good_records=good_records,
        imports=int(good["records"][good["direction"] == IMPORT].sum()),
        flagged=records_per_flag(good_records),
    )


def _good_cells(firms: Firms, declarations: int) -> dict[str, Ids]:
    """One row per firm x year x direction with trade: imports first, then by year, then by firm."""
    parts = [
        _one_flow(direction, year_index, cents[:, year_index])
        for direction, cents in ((IMPORT, firms.import_cents), (EXPORT, firms.export_cents))
        for year_index in range(len(firms.years))
    ]
    cells = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    cells["records"] = _apportioned(declarations, np.sqrt(cells["total_cents"]), cells["total_cents"])
    cells["first"] = np.cumsum(cells["records"]) - cells["records"]
    cells["first_in_year"] = np.empty_like(cells["first"])
    for year_index in range(len(firms.years)):
        of_year = cells["year_index"] == year_index
        records = cells["records"][of_year]
        cells["first_in_year"][of_year] = np.cumsum(records) - records
    return cells


def _one_flow(direction: int, year_index: int, cents: Ids) -> dict[str, Ids]:
    firm = np.flatnonzero(cents).astype(np.int64)
    return {
        "firm": firm,
        "year_index": np.full_like(firm, year_index),
        "direction": np.full_like(firm, direction),
        "total_cents": cents[firm],
    }


def _apportioned(total: int, weights: Floats, most: Ids) -> Ids:
    """Whole numbers of at least one that add up to the total, by largest remainder; never more than `most`."""
    spare = max(total - len(weights), 0)
    quota = spare * weights / weights.sum()
    whole = np.floor(quota).astype(np.int64)
    missing = spare - int(whole.sum())
    whole[np.argsort(whole - quota, kind="stable")[:missing]] += 1
    return np.minimum(whole + 1, most)


def _defect_cells(draws: Draws, good: dict[str, Ids], in_year: list[int], per_rule: int) -> dict[str, Ids]:
    """One row per defective record: a copy of some firm's cell with one record and an amount of its own."""
    number = np.arange(per_rule * len(REJECTING), dtype=np.int64)
    source = (draws.uniform("defect", number) * len(good["firm"])).astype(np.int64)
    cells = {name: good[name][source] for name in ("firm", "year_index", "direction")}
    cells["total_cents"] = 10_000 + (draws.uniform("defect_cents", number) * 5e6).astype(np.int64)
    cells["records"] = np.ones_like(number)
    cells["first"] = np.full_like(number, -1)
    cells["first_in_year"] = np.empty_like(number)
    for year_index, count in enumerate(in_year):
        of_year = cells["year_index"] == year_index
        cells["first_in_year"][of_year] = count + np.arange(of_year.sum())
    cells["rule_index"], cells["variant"] = number // per_rule, number % per_rule
    return cells


def _as_table(firms: Firms, good: dict[str, Ids], defects: dict[str, Ids]) -> pa.Table:
    columns = {name: np.concatenate([good[name], defects[name]]) for name in good}
    none = np.full_like(good["firm"], -1)
    rule_index = np.concatenate([none, defects["rule_index"]])
    firm = columns["firm"]
    of_firm = {name: getattr(firms, name)[firm] for name in ("place", "zone", "ownership", "serial")}
    rules = pa.DictionaryArray.from_arrays(pa.array(rule_index.astype(np.int32), mask=rule_index < 0), list(REJECTING))
    return pa.table(
        {
            "cell": np.arange(len(firm), dtype=np.int64),
            **columns,
            **of_firm,
            "rule": rules.cast(pa.string()),
            "variant": np.concatenate([none, defects["variant"]]),
        }
    )


def _permutations(draws: Draws, sizes: tuple[int, ...]) -> tuple[Permutation, ...]:
    shifts = draws.uniform("shift", np.arange(len(sizes), dtype=np.int64))
    starts = np.cumsum(sizes) - np.array(sizes)
    return tuple(
        Permutation(int(start), _coprime_near(int(size * _GOLDEN), size), int(shift * size), size)
        for start, shift, size in zip(starts, shifts, sizes, strict=True)
    )


def _coprime_near(number: int, size: int) -> int:
    return next(candidate for candidate in range(max(number, 1), number + size + 1) if gcd(candidate, size) == 1)
