"""Every format of Stata that is read, from Stata 8 to 18: names, texts to their last blank, labels, missing values."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest
from stata_files import write_stata

from haiguan.jobs.runtime.contents import contents_of
from haiguan.jobs.runtime.tables import BYTES, ranges, read_range, table_head
from haiguan.transforms.errors import InputError

ENCODINGS = {113: "GB18030", 114: "GB18030", 115: "GB18030", 117: "GB18030", 118: "UTF-8", 119: "UTF-8"}
# The last release for Python 3.10 trims texts other than long strings and finds no long strings in format 119.
IS_OLD_RELEASE = pyreadstat.__version__ == "1.3.6"
IN_119 = pytest.mark.skipif(IS_OLD_RELEASE, reason="this pyreadstat finds no long strings in format 119")
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


def _as_read(text: str) -> str:
    return text.rstrip(" ") if IS_OLD_RELEASE else text


def test_it_is_known_by_its_first_bytes(written):
    (content,) = contents_of(written[0], "written.dta")
    assert content.kind == "stata"
    is_unicode = written[1] == "UTF-8"
    assert table_head(written[0], "stata").head.encoding == ("UTF-8" if is_unicode else None)


def test_every_field_is_the_text_delivered(written):
    path, encoding = written
    assert _read(path, encoding, has_texts=False) == {
        "企业名称": [_as_read(text) for text in ("深圳嘉明  ", " ", "", "甲\u3000")],
        "金额": ["", "-1234567.89", "", "1000000"],
        "regime": ["1", "", "0", "2"],
        "数量": ["", "2000000000", "0", "-1"],
    }


def test_value_labels_are_in_the_encoding_of_the_texts(written):
    path, encoding = written
    assert _read(path, encoding, has_texts=True)["regime"] == ["一般贸易", "", "进料加工", "2"]


@pytest.mark.parametrize(("version", "letter"), [(117, "l"), (118, "长"), pytest.param(119, "长", marks=IN_119)])
def test_long_strings_keep_their_blanks(tmp_path, version, letter):
    texts = [f"{letter} ", letter * 3000 + " ", ""]
    path = tmp_path / "long.dta"
    write_stata(path, pd.DataFrame({"产品": texts}), version, ENCODINGS[version], convert_strl=["产品"])
    parts = [read_range(str(path), "stata", *part, False) for part in ranges(path, "stata", 3, 2)]
    found = [text for part in parts for (column,) in part for text in column.to_pylist()]
    assert [text.encode(BYTES).decode("UTF-8") for text in found] == texts


def test_long_strings_that_an_old_release_does_not_find_are_told(tmp_path, monkeypatch):
    path = write_stata(tmp_path / "long.dta", pd.DataFrame({"产品": ["长"]}), 119, "UTF-8", convert_strl=["产品"])
    monkeypatch.setattr(pyreadstat, "__version__", "1.3.6")
    with pytest.raises(
        InputError, match=r"long.dta: pyreadstat 1.3.6 finds no long strings \(strL\) in format 119; use"
    ):
        table_head(path, "stata")


@pytest.fixture(params=[0, 1], ids=["first row", "last row"])
def misencoded(request, tmp_path) -> Path:
    """A file of Stata 13 with long strings, one of which is in GB18030."""
    path = tmp_path / "misencoded.dta"
    texts = [("abcd", "x"), ("x", "abcd")][request.param]
    write_stata(path, pd.DataFrame({"产品": texts}), 117, "GB18030", convert_strl=["产品"])
    path.write_bytes(path.read_bytes().replace(b"abcd", "螺丝".encode("GB18030")))
    return path


def test_long_strings_that_are_not_in_utf_8_are_told_as_such(misencoded):
    said = r"misencoded.dta: damaged, or with long strings \(strL\) in another encoding than UTF-8.*`recast str2045`"
    with pytest.raises(InputError, match=said):
        table_head(misencoded, "stata")


@pytest.mark.parametrize(
    ("release", "version", "said"),
    [
        ("1.3.6", 117, "a set of value labels has a name that pyreadstat 1.3.6 cannot read; use Python 3.11"),
        ("1.3.6", 118, "written.dta: damaged, or"),
        ("1.3.7", 117, "written.dta: damaged, or"),
        ("1.10.0", 117, "written.dta: damaged, or"),
    ],
)
def test_names_of_labels_are_blamed_on_the_release_that_cannot_read_them(tmp_path, monkeypatch, release, version, said):
    def fail(*_, **__):
        raise UnicodeDecodeError("utf-8", b"\xca", 0, 1, "invalid")

    path = write_stata(tmp_path / "written.dta", RECORDS, version, ENCODINGS[version])
    monkeypatch.setattr(pyreadstat, "__version__", release)
    monkeypatch.setattr(pyreadstat, "read_dta", fail)
    with pytest.raises(InputError, match=said):
        table_head(path, "stata")


@pytest.mark.parametrize(("version", "at", "width"), [(115, 6, 4), (118, 79, 8)])
def test_a_number_of_rows_that_cannot_be_is_a_damaged_file(tmp_path, version, at, width):
    """At that place of the head stands the number of rows."""
    path = write_stata(tmp_path / "written.dta", RECORDS, version, ENCODINGS[version])
    data = path.read_bytes()
    assert int.from_bytes(data[at : at + width], "little") == len(RECORDS)
    path.write_bytes(data[:at] + b"\xff" * width + data[at + width :])
    with pytest.raises(InputError, match=r"written.dta: cannot be read as a Stata file, cut off or damaged"):
        table_head(path, "stata")
