"""Stata files read back by two readers that had no part in writing them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from haiguan.transforms.simulation.stata_file import StataColumn, StataWriter

NUMBER, PLACE = "_日期", "_消费地进口or生产地出口"
ENCODINGS = {114: "GB18030", 117: "GB18030", 118: "UTF-8"}
# 㐂 takes four bytes in GB18030.
PLACES = ["深圳", "", "㐂", "ＡＢＣ"]
NUMBERS = [200701.0, np.nan, -1.25, 123456789012.75]


@pytest.fixture(params=sorted(ENCODINGS))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, int]:
    """A file of four rows, written two by two."""
    version, path = request.param, tmp_path / "written.dta"
    encoding = ENCODINGS[version]
    with path.open("w+b") as sink:
        writer = StataWriter(sink, version, [StataColumn(NUMBER, None), StataColumn(PLACE, 12)], encoding)
        for rows in (slice(0, 2), slice(2, 4)):
            writer.write([np.array(NUMBERS[rows]), np.array([place.encode(encoding) for place in PLACES[rows]])])
        writer.close()
    return path, version


def test_pyreadstat_reads_names_and_text_in_their_encoding(written: tuple[Path, int]) -> None:
    path, version = written
    encoding = None if version == 118 else ENCODINGS[version]
    rows, metadata = pyreadstat.read_dta(path, encoding=encoding)
    assert metadata.column_names == [NUMBER, PLACE]
    assert metadata.number_rows == 4
    assert rows[PLACE].tolist() == PLACES
    assert rows[NUMBER].fillna(-9).tolist() == [200701.0, -9, -1.25, 123456789012.75]
    later, _ = pyreadstat.read_dta(path, encoding=encoding, row_offset=2, row_limit=1)
    assert later[PLACE].tolist() == ["㐂"]


def test_pandas_reads_the_same(written: tuple[Path, int]) -> None:
    path, version = written
    rows = pd.read_stata(path)
    if version < 118:
        rows.columns = [name.encode("latin-1").decode("gb18030") for name in rows.columns]
        rows[PLACE] = [text.encode("latin-1").decode("gb18030") for text in rows[PLACE]]
    assert rows[PLACE].tolist() == PLACES
    assert rows[NUMBER].fillna(-9).tolist() == [200701.0, -9, -1.25, 123456789012.75]


def test_the_first_byte_or_tag_tells_the_format(written: tuple[Path, int]) -> None:
    path, version = written
    head = path.read_bytes()[:60]
    assert head[0] == 114 if version == 114 else f"<release>{version}</release>".encode() in head


def test_what_the_format_cannot_hold_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "x.dta").open("w+b") as sink:
        with pytest.raises(ValueError, match="32"):
            StataWriter(sink, 114, [StataColumn("企" * 20, None)], "GB18030")
        with pytest.raises(ValueError, match="244"):
            StataWriter(sink, 114, [StataColumn("name", 300)], "GB18030")
