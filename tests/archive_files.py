"""A plain reading of simulated customs files, by none of the code that writes or reads them in a run."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyreadstat
import yaml

from haiguan.jobs.simulate import SimulateSettings, embedded_tables

ALL_YEARS = SimulateSettings(
    world="archive",
    declarations=17_000,
    years=(2000, 2016),
    skip_years=(),
    seed=11,
    without=(),
    also=("ignored_label", "second_edition"),
    container="files",
)
BYTES = "iso-8859-1"
LAYOUTS = Path(__file__).parents[1] / "conf" / "layouts" / "customs"


class Line(NamedTuple):
    """A line or row of a customs file.

    Attributes:
        file: path below the input's root.
        number: of the line; of the row in a file without lines.
        layout: what the readers know of the file.
        fields: text by column of the layout; None where the line cannot be read.
        fault: why it cannot be read.
    """

    file: str
    number: int
    layout: dict
    fields: dict[str, str] | None
    fault: str | None = None

    @property
    def year(self) -> int:
        return int(self.file[:4])


@cache
def layouts() -> tuple[dict, ...]:
    """The layouts as the readers know them."""
    return tuple(yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(LAYOUTS.glob("*.yaml")))


@cache
def coding(name: str) -> dict[str, str]:
    return yaml.safe_load((LAYOUTS / "codings" / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def partners() -> dict[str, str]:
    """Name or customs code -> country."""
    countries = embedded_tables().countries
    by_label = {label: row.country_code for row in countries.itertuples() for label in row.labels.split("|")}
    return by_label | dict(zip(countries["customs_code"], countries["country_code"], strict=True))


def layout_of(year: int, headings: list[str]) -> dict:
    """The one layout of the year that knows these headings and needs no others."""
    (found,) = (
        layout
        for layout in layouts()
        if layout["years"][0] <= year <= layout["years"][1]
        and set(headings) <= {*layout["headings"], *layout.get("ignored", [])}
        and set(layout["headings"]) - set(layout["may_lack"]) <= set(headings)
    )
    return found


def delivered_once(customs: Path) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every file; of files that are alike, the one with the shortest name."""
    seen = set()
    for path in sorted((path for path in customs.rglob("*") if path.is_file()), key=lambda p: (len(p.name), p)):
        content = path.read_bytes()
        if content not in seen:
            seen.add(content)
            yield path.relative_to(customs).as_posix(), content


def read_archive(customs: Path) -> Iterator[Line]:
    """Every line of every file."""
    for file, content in delivered_once(customs):
        yield from _read(file, content)


def _read(file: str, content: bytes) -> Iterator[Line]:
    if file.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _read(f"{file}/{name}", archive.read(name))
    elif file.endswith(".gz"):
        yield from _lines(file, gzip.decompress(content))
    elif file.endswith(".csv"):
        yield from _lines(file, content)
    elif file.endswith(".dta"):
        yield from _rows(file, *_dta(content))
    else:
        yield from _rows(file, pd.read_parquet(io.BytesIO(content)), None)


def _lines(file: str, content: bytes) -> Iterator[Line]:
    assert content.endswith(b"\n")
    assert b"\r" not in content
    is_utf8 = content.startswith(b"\xef\xbb\xbf")
    heading, *lines = content.removeprefix(b"\xef\xbb\xbf")[:-1].split(b"\n")
    encoding = "utf-8" if is_utf8 else "gb18030"
    headings = heading.decode(encoding).split(",")
    layout = layout_of(int(file[:4]), headings)
    for number, line in enumerate(lines, start=2):
        try:
            fields = next(csv.reader([line.decode(encoding)]))
        except UnicodeDecodeError:
            yield Line(file, number, layout, None, "undecodable_line")
            continue
        if len(fields) == len(headings):
            yield Line(file, number, layout, _by_column(layout, dict(zip(headings, fields, strict=True))))
        else:
            yield Line(file, number, layout, None, "unsplittable_line")


def _dta(content: bytes) -> tuple[pd.DataFrame, str]:
    """The rows, every byte of a text one character, and the encoding of the file."""
    with tempfile.NamedTemporaryFile(suffix=".dta") as file:
        file.write(content)
        file.flush()
        encoding = "utf-8" if content.startswith(b"<stata_dta><header><release>118") else "gb18030"
        rows = pyreadstat.read_dta(file.name, encoding=BYTES)[0]
        return rows.rename(columns=lambda name: name.encode(BYTES).decode(encoding)), encoding


def _rows(file: str, rows: pd.DataFrame, encoding: str | None) -> Iterator[Line]:
    layout = layout_of(int(file[:4]), list(rows.columns))
    for number, row in enumerate(rows.to_dict("records"), start=1):
        try:
            texts = {name: _text(value, encoding) for name, value in row.items()}
        except UnicodeDecodeError:
            yield Line(file, number, layout, None, "undecodable_line")
            continue
        yield Line(file, number, layout, _by_column(layout, texts))


def _text(value: object, encoding: str | None) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value).encode(BYTES).decode(encoding) if encoding else str(value)


def _by_column(layout: dict, texts: dict[str, str]) -> dict[str, str]:
    """Text by column; of two headings for one column, the first that is not blank."""
    found: dict[str, str] = {}
    for heading, column in layout["headings"].items():
        if heading in texts:
            found[column] = found.get(column) or texts[heading]
    return found
