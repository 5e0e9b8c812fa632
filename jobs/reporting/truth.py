"""The truth that lies beside simulated files, against what the rules have found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from haiguan.jobs.reporting.record import Record
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake

DECLARATIONS, QUARANTINE = "core_customs__declarations", "quarantine_customs__declarations"
FIRM_YEARS, DIVISIONS = "core_customs__firm_year", "core_places__divisions"
QUARANTINED_FLOWS = "quarantine_customs__annual_flows"
REPEATED_ROWS = "core_customs__repeated_rows"
REPEATED_FILE, SPECIAL_USE, UNMAPPED = "repeated_file", "special_use", "unmapped_code"
_TRUE_OF_FIRM = ("firm_code", "place_code", "is_intermediary")

Places = dict[str, set[tuple[str, int]]]
"""Rule -> file and line of the records that broke it."""


@dataclass(frozen=True)
class Defects:
    """One rule against the truth beside simulated files: records planted, found, missed, and found elsewhere."""

    rule: str
    planted: int
    found: int
    missed: int
    false: int


def planted_and_found(lake: Lake, record: Record, inputs: str | Sequence[str] | None) -> list[Defects]:
    """Compares what the rules found with the truth; nothing where the files of the inputs have none beside them."""
    folders = _truth_folders(inputs)
    if not folders or DECLARATIONS not in record.slices:
        return []
    return [*_defects(lake, record, folders), *_firms(lake, record, folders)]


def _truth_folders(inputs: str | Sequence[str] | None) -> list[Path]:
    roots = [inputs] if isinstance(inputs, str) else inputs or []
    folders = [Path(root).parent / "truth" for root in roots]
    return [folder for folder in folders if (folder / "simulation.json").is_file()]


def _defects(lake: Lake, record: Record, folders: Sequence[Path]) -> list[Defects]:
    read = [pd.read_csv(folder / "defects.csv", usecols=["file", "line", "rule"]) for folder in folders]
    truth = pd.concat(read)
    planted = _places(truth[truth.line.notna()])
    found = _found(lake, record)
    compared = [_compared(rule, planted.get(rule, set()), found.get(rule, set())) for rule in {*planted, *found}]
    repeated = sum(file.copies - 1 for file in record.files if file.source == "customs")
    several = int((truth.rule == REPEATED_FILE).sum())
    compared.append(Defects(REPEATED_FILE, several, repeated, max(several - repeated, 0), max(repeated - several, 0)))
    return sorted(compared, key=lambda entry: entry.rule)


def _places(rows: pd.DataFrame) -> Places:
    return {
        str(rule): set(zip(group.file, group.line.astype(int), strict=True)) for rule, group in rows.groupby("rule")
    }


def _found(lake: Lake, record: Record) -> Places:
    """File and line of every record that one of the rules was found on, rule by rule.

    Rules that reject are those of its row in quarantine, flags those of its published row. Special use is told by the
    class of its product there; codes without a target by the codes of the flows in quarantine; identical rows and
    repeated blocks by core_customs__repeated_rows, which names the later one of two records. No rule is told by a count
    alone.
    """
    is_special = pc.field("product_class") == SPECIAL_USE
    told = [
        *_of_quarantined_flows(lake, record),
        *_listed(lake, record, QUARANTINE, "rules"),
        *_listed(lake, record, DECLARATIONS, "flags"),
        *[(SPECIAL_USE, *place) for place in _rows(lake, record, DECLARATIONS, [], is_special)],
        *_rows(lake, record, REPEATED_ROWS, ["repeat_kind"]),
    ]
    found: Places = {}
    for rule, file, line in told:
        found.setdefault(rule, set()).add((file, line))
    return found


def _of_quarantined_flows(lake: Lake, record: Record) -> Iterator[tuple[str, str, int]]:
    """Rule, file and line of the declarations whose flows are in quarantine since their code has no target."""
    if QUARANTINED_FLOWS not in record.slices:
        return
    flows = delta.read(lake.path(QUARANTINED_FLOWS), ["hs_revision", "product_code", "rules"]).to_pylist()
    codes = {(row["hs_revision"], row["product_code"]) for row in flows if UNMAPPED in row["rules"]}
    has_code = pc.field("product_code").isin(sorted({code for _, code in codes}))
    for revision, code, file, line in _rows(lake, record, DECLARATIONS, ["hs_revision", "product_code"], has_code):
        if (revision, code) in codes:
            yield UNMAPPED, file, line


def _listed(lake: Lake, record: Record, table: str, column: str) -> Iterator[tuple[str, str, int]]:
    """Rule, file and line for each rule in a list of rules."""
    has_any = pc.list_value_length(pc.field(column)) > 0
    for rules, file, line in _rows(lake, record, table, [column], has_any):
        yield from ((rule, file, line) for rule in rules)


def _rows(
    lake: Lake, record: Record, table: str, columns: Sequence[str], condition: pc.Expression | None = None
) -> Iterator[tuple[Any, ...]]:
    """The columns, file and line of the published rows that fulfil the condition; none of a table that is not there."""
    if table in record.slices:
        chosen = delta.read(lake.path(table), [*columns, "file", "line"], condition=condition)
        yield from zip(*(column.to_pylist() for column in chosen.columns), strict=True)


def _compared(rule: str, planted: set[tuple[str, int]], found: set[tuple[str, int]]) -> Defects:
    return Defects(rule, len(planted), len(found & planted), len(planted - found), len(found - planted))


def _firms(lake: Lake, record: Record, folders: Sequence[Path]) -> list[Defects]:
    """Firms by year that are intermediaries, and the places of all firms by year."""
    paths = [folder / "firms.parquet" for folder in folders if (folder / "firms.parquet").exists()]
    if not paths or FIRM_YEARS not in record.slices:
        return []
    truth = pd.concat([pd.read_parquet(path, columns=["year", *_TRUE_OF_FIRM]) for path in paths])
    told = delta.read(lake.path(FIRM_YEARS), ["year", "firm_code", "firm_place_code", "is_intermediary"]).to_pandas()
    both = truth.merge(told, on=["year", "firm_code"], suffixes=("", "_told"))
    is_told = both.is_intermediary_told.fillna(False).astype(bool)
    is_true = both.is_intermediary.astype(bool)
    places = set(delta.read(lake.path(DIVISIONS), ["place_code"]).column("place_code").to_pylist())
    right = [_is_in(code, true, places) for code, true in zip(both.firm_place_code, both.place_code, strict=True)]
    has_place = both.firm_place_code.notna()
    return [
        Defects(
            "intermediaries, firms by year",
            planted=int(is_true.sum()),
            found=int((is_true & is_told).sum()),
            missed=int((is_true & ~is_told).sum()),
            false=int((is_told & ~is_true).sum()),
        ),
        Defects(
            "places, firms by year",
            planted=len(both),
            found=sum(right),
            missed=len(both) - sum(right),
            false=int(has_place.sum()) - sum(right),
        ),
    ]


def _is_in(code: str | None, true: str, places: set[str]) -> bool:
    """Whether a place lies in the true one, told by its first digits; municipalities have no division of that level."""
    if code is None or pd.isna(code):
        return False
    is_division = true.ljust(len(code), "0") in places
    return code.startswith(true if is_division else true[:2])
