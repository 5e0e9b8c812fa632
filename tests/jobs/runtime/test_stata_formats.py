"""Every format of Stata that is read, from Stata 8 to 18: names, texts to their last blank, labels, missing values."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stata_files import write_stata

from haiguan.jobs.runtime.contents import contents_of
from haiguan.jobs.runtime.tables import BYTES, ranges, read_range, table_head

ENCODINGS = {113: "GB18030", 114: "GB18030", 115: "GB18030", 117: "GB18030", 118: "UTF-8", 119: "UTF-8"}
RECORDS = pd.DataFrame(
    {
        "企业名称": ["深圳嘉明  ", " ", "", "甲\u3000"],
        "金额": [np.nan, -1234567.89, np.nan, 1e6],
        # Value labels of a variable with a Chinese name have that name, which the last pyreadstat for Python 3.10
        # cannot read.
        "regime": pd.array([1, None, 0, 2], dtype="Int8"),
        "数量": pd.array([None, 2_000_000_000, 0, -1], dtype="Int32"),
    }
)
LABELS = {"regime": {0: "进料加工", 1: "一般贸易"}}
# `.` and `.a`, the first two of Stata's 27 missing values: doubles beyond those that stand for numbers.
MISSING, MISSING_A = (struct.pack("<d", 2.0**1023 * factor) for factor in (1, 1 + 1 / 4096))


@pytest.fixture(params=[(version, order) for version in ENCODINGS for order in ("little", "big")], ids=str)
def written(request, tmp_path) -> tuple[Path, str]:
    """A file of the format with the bytes of its numbers in that order, and the encoding of its text."""
    version, order = request.param
    path = tmp_path / "written.dta"
    write_stata(path, RECORDS, version, ENCODINGS[version], value_labels=LABELS, byteorder=order)
    first, second = (missing if order == "little" else missing[::-1] for missing in (MISSING, MISSING_A))
    data = path.read_bytes()
    assert data.count(first) == 2
    path.write_bytes(data.replace(first, second, 1))
    return path, ENCODINGS[version]


def _read(path: Path, encoding: str, has_texts: bool) -> dict[str, list[str]]:
    """Variable -> its texts, read two rows at a time."""
    head = table_head(path, "stata")
    parts = [read_range(str(path), "stata", *part, has_texts) for part in ranges(path, "stata", head.rows, 2)]
    columns = [[array.to_pylist() for array in arrays] for part in parts for arrays in part]
    texts = [[text.encode(BYTES).decode(encoding) for part in columns for text in part[at]] for at in range(4)]
    return dict(zip([name.decode(encoding) for name in head.head.names], texts, strict=True))


def test_it_is_known_by_its_first_bytes(written):
    (content,) = contents_of(written[0], "written.dta")
    assert content.kind == "stata"
    is_unicode = written[1] == "UTF-8"
    assert table_head(written[0], "stata").head.encoding == ("UTF-8" if is_unicode else None)


def test_every_field_is_the_text_delivered(written):
    path, encoding = written
    assert _read(path, encoding, has_texts=False) == {
        "企业名称": ["深圳嘉明  ", " ", "", "甲\u3000"],
        "金额": ["", "-1234567.89", "", "1000000"],
        "regime": ["1", "", "0", "2"],
        "数量": ["", "2000000000", "0", "-1"],
    }


def test_value_labels_are_in_the_encoding_of_the_texts(written):
    path, encoding = written
    assert _read(path, encoding, has_texts=True)["regime"] == ["一般贸易", "", "进料加工", "2"]


@pytest.mark.parametrize(("version", "letter"), [(117, "l"), (118, "长"), (119, "长")])
def test_long_strings_keep_their_blanks(tmp_path, version, letter):
    texts = [f"{letter} ", letter * 3000 + " ", ""]
    path = tmp_path / "long.dta"
    write_stata(path, pd.DataFrame({"产品": texts}), version, ENCODINGS[version], convert_strl=["产品"])
    parts = [read_range(str(path), "stata", *part, False) for part in ranges(path, "stata", 3, 2)]
    found = [text for part in parts for (column,) in part for text in column.to_pylist()]
    assert [text.encode(BYTES).decode("UTF-8") for text in found] == texts
