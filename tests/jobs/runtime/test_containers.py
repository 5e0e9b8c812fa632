"""The same records, whatever holds them: text or tables, plain or packed; and what is said of broken ones."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stata_files import write_stata

from haiguan.jobs.runtime import access
from haiguan.jobs.runtime.inventory import Looking, take_inventory
from haiguan.jobs.runtime.layouts import Layout
from haiguan.jobs.runtime.readers import read_files
from haiguan.jobs.runtime.scratch import Scratch
from haiguan.jobs.runtime.tables import ranges, read_range, table_head
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import TABLES

RAW = TABLES["raw_customs__declarations"]
LAYOUT = Layout(
    name="plain",
    source="customs",
    edition="yearly",
    years=(1990, 2100),
    encoding=("GB18030", "UTF-8"),
    headings={"名称": "firm_name_text", "简称": "firm_name_text", "金额": "value_text", "数量": "quantity_text"},
    coalesced=("firm_name_text",),
    constants={"direction_text": "import"},
    may_lack=("简称",),
    file_name=r"(?<!\d)(?P<year>\d{4})(?!\d)",
)
# The last pyreadstat for Python 3.10 trims texts of Stata files.
BLANK = " " if sys.version_info >= (3, 11) else ""
RECORDS = pd.DataFrame({"名称": ["深圳嘉明", "", f"a,b{BLANK}"], "金额": [1e6, 0.1, np.nan], "数量": [5, 0, 7]})
READ = [("深圳嘉明", "1000000", "5"), ("", "0.1", "0"), (f"a,b{BLANK}", "", "7")]
CSV = f'名称,金额,数量\n深圳嘉明,1000000,5\n,0.1,0\n"a,b{BLANK}",,7\n'

FAKE_TABLES = '#!/bin/sh\necho "2012"\n'
FAKE_EXPORT = f"#!/bin/sh\ncat <<'END'\n{CSV}END\n"


def _looking(layout: Layout = LAYOUT) -> Looking:
    return Looking([layout], (1990, 2100), {}, Scratch(None))


def _zip(path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)


def _stata(tmp_path, version: int = 118, frame: pd.DataFrame = RECORDS, **options) -> bytes:
    encoding = "UTF-8" if version >= 118 else "GB18030"
    return write_stata(tmp_path / "made.dta", frame, version, encoding, **options).read_bytes()


@pytest.fixture
def fake_mdbtools(tmp_path, monkeypatch):
    """Commands that answer as mdbtools do, first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in (("mdb-tables", FAKE_TABLES), ("mdb-export", FAKE_EXPORT)):
        (folder / name).write_text(script, encoding="utf-8")
        (folder / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_every_container_holds_the_same_records(spark, tmp_path, fake_mdbtools):
    folder = tmp_path / "in"
    folder.mkdir()
    bad = _stata(tmp_path, 114).replace("深圳嘉明".encode("GB18030"), b"\xff" + "深圳嘉明".encode("GB18030")[1:])
    (folder / "2001.csv").write_bytes(CSV.encode("GB18030"))
    (folder / "2002.tsv").write_bytes("\ufeff名称\t金额\t数量\na,b\t1,5\t2\n".encode())
    (folder / "2003.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (folder / "2004.dta").write_bytes(_stata(tmp_path, 114))
    (folder / "2013.dta").write_bytes(_stata(tmp_path, 113))
    (folder / "2014.dta").write_bytes(_stata(tmp_path, 115))
    (folder / "2015.dta").write_bytes(_stata(tmp_path, 118, convert_strl=["名称"]))
    (folder / "2005.dta").write_bytes(_stata(tmp_path, 117))
    (folder / "2006.dta").write_bytes(_stata(tmp_path, 118))
    (folder / "2007.dta.gz").write_bytes(gzip.compress(_stata(tmp_path, 119)))
    RECORDS.to_parquet(folder / "2008.parquet")
    RECORDS.astype({"名称": "category"}).to_parquet(tmp_path / "made.parquet", compression="gzip")
    _zip(
        folder / "2009.zip",
        **{"2009_1__csv": CSV.encode("GBK"), "2009_2__dta": _stata(tmp_path, 117), "__MACOSX/x": b"x"},
        part_3=(tmp_path / "made.parquet").read_bytes(),
    )
    (folder / "2010.dta").write_bytes(bad)
    (folder / "2012.mdb").write_bytes(b"\x00\x01\x00\x00Standard Jet DB\x00")
    looking = _looking()
    files = take_inventory("customs", str(folder), looking)
    rows = read_files(spark, files, RAW, looking.scratch).frame().orderBy("file", "line").collect()
    found: dict[str, list] = {}
    for row in rows:
        found.setdefault(row.file, []).append((row.firm_name_text, row.value_text, row.quantity_text))
    assert found.pop("2002.tsv") == [("a,b", "1,5", "2")]
    assert found.pop("2010.dta") == [(None, None, None), *READ[1:]]
    told = ["2003.csv.gz", "2004.dta", "2005.dta", "2006.dta", "2007.dta.gz", "2008.parquet"]
    told += ["2009.zip/2009_1.csv", "2009.zip/part_3", "2012.mdb/2012", "2013.dta", "2014.dta", "2015.dta"]
    # the same bytes as 2005.dta and 2001.csv, which have the shorter names
    assert {file.name: [copy.name for copy in file.repeats] for file in files if file.repeats} == {
        "2005.dta": ["2009.zip/2009_2.dta"],
        "2001.csv": ["2009.zip/2009_1.csv"],
    }
    told = ["2001.csv", *[name for name in told if name != "2009.zip/2009_1.csv"]]
    assert found == dict.fromkeys(told, READ)
    lines = {row.file: row.line for row in reversed(rows)}
    assert {name: lines[name] for name in ("2001.csv", "2004.dta", "2008.parquet", "2012.mdb/2012")} == {
        "2001.csv": 2,
        "2004.dta": 1,
        "2008.parquet": 1,
        "2012.mdb/2012": 1,
    }
    (undecodable,) = [row for row in rows if row.unreadable]
    assert (undecodable.file, undecodable.line, undecodable.unreadable) == ("2010.dta", 1, "undecodable")
    assert bytes.fromhex(undecodable.raw_bytes_hex).split(b"\t") == [
        b"\xff" + "深圳嘉明".encode("GB18030")[1:],
        b"1000000",
        b"5",
    ]
    assert {row.direction_text for row in rows if not row.unreadable} == {"import"}


def test_the_first_heading_that_is_not_blank_holds(spark, tmp_path):
    (tmp_path / "2001.csv").write_text("名称,简称,金额,数量\n甲,乙,1,1\n ,乙,1,1\n,,1,1\n", encoding="utf-8")
    looking = _looking()
    files = take_inventory("customs", str(tmp_path), looking)
    rows = read_files(spark, files, RAW, looking.scratch).frame().orderBy("line").collect()
    assert [row.firm_name_text for row in rows] == ["甲", "乙", ""]


NUMBERS = {
    1e6: "1000000",
    0.1: "0.1",
    1234567.89: "1234567.89",
    1e-7: "0.0000001",
    2.5e17: "250000000000000000",
    123456789012345.6: "123456789012345.6",
    -3.0: "-3",
    float("nan"): "",
}


def _texts(path, kind: str, has_texts: bool = False) -> dict[str, list[str]]:
    head = table_head(path, kind)
    parts = [read_range(str(path), kind, *part, has_texts) for part in ranges(path, kind, head.rows, 3)]
    columns = [[array.to_pylist() for array in arrays] for part in parts for arrays in part]
    names = [name.decode("utf-8") for name in head.head.names]
    return {name: [text for part in columns for text in part[i]] for i, name in enumerate(names)}


@pytest.mark.parametrize("kind", ["stata", "parquet"])
def test_numbers_are_written_as_people_write_them(tmp_path, kind):
    frame = pd.DataFrame({"double": list(NUMBERS), "whole": range(8), "single": np.float32([0.1, 1.5e10] * 4)})
    path = tmp_path / "made"
    if kind == "stata":
        write_stata(path.with_suffix(".dta"), frame, 118, "UTF-8").rename(path)
    else:
        frame.to_parquet(path)
    assert _texts(path, kind) == {
        "double": list(NUMBERS.values()),
        "whole": list("01234567"),
        "single": ["0.1", "15000000512"] * 4,
    }


def test_dates_of_stata_are_dates(tmp_path):
    dates = pd.to_datetime(["2007-01-31", None, "1959-12-31"])
    frame = pd.DataFrame({"day": dates, "month": dates, "time": dates})
    formats = {"day": "td", "month": "tm", "time": "tc"}
    path = write_stata(tmp_path / "made.dta", frame, 118, "UTF-8", convert_dates=formats)
    assert _texts(path, "stata") == {
        "day": ["2007-01-31", "", "1959-12-31"],
        "month": ["2007-01", "", "1959-12"],
        "time": ["2007-01-31", "", "1959-12-31"],
    }


def test_columns_of_parquet_as_text(tmp_path):
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2007-01-31", None]),
            "decimal": [Decimal("1.50"), None],
            "code": pd.array([101, None], dtype="Int64"),
            "flag": [True, False],
        }
    )
    frame.to_parquet(tmp_path / "made")
    assert _texts(tmp_path / "made", "parquet") == {
        "date": ["2007-01-31", ""],
        "decimal": ["1.50", ""],
        "code": ["101", ""],
        "flag": ["true", "false"],
    }


def test_value_labels_are_read_as_the_layout_says(tmp_path):
    frame = pd.DataFrame({"direction": [1, 0, 2]})
    labels = {"value_labels": {"direction": {1: "import", 0: "export"}}}
    path = write_stata(tmp_path / "made.dta", frame, 118, "UTF-8", **labels)
    assert _texts(path, "stata")["direction"] == ["1", "0", "2"]
    assert _texts(path, "stata", has_texts=True)["direction"] == ["import", "export", "2"]


def _protected() -> bytes:
    """An archive that says of its member that it is encrypted."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("2003.csv", CSV)
    data = bytearray(made.getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def _zipped(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return made.getvalue()


@pytest.fixture
def broken(tmp_path) -> dict[str, bytes]:
    """Case -> the bytes of a file."""
    labels = {"value_labels": {"数量": {5: "five"}}}
    RECORDS.to_parquet(tmp_path / "made.parquet")
    pd.DataFrame({"名称": ["甲"], "金额": [[1]], "数量": [1]}).to_parquet(tmp_path / "nested.parquet")
    return {
        "empty.dta": b"",
        "cut.zip": _zipped("2003.csv", CSV.encode() * 99)[:-9],
        "hollow.zip": b"PK\x05\x06" + b"\0" * 18,
        "empty_member.zip": _zipped("2003.csv", b""),
        "protected.zip": _protected(),
        "nested.zip": _zipped("2003.zip", _zipped("2003.csv", CSV.encode())),
        "damaged.zip": _zipped("2003.csv", os.urandom(9000)).replace(b"2003.csv", b"2003.csv", 1)[:200]
        + b"\0" * 400
        + _zipped("2003.csv", os.urandom(9000))[600:],
        "cut.csv.gz": gzip.compress(CSV.encode() * 999)[:-20],
        "cut_114.dta": _stata(tmp_path, 114)[:-9],
        "cut_117.dta": _stata(tmp_path, 117)[:-200],
        "cut_118.dta": _stata(tmp_path, 118)[:300],
        "strange.dta": _stata(tmp_path, 117, RECORDS.rename(columns={"金额": "天气"})),
        "labelled.dta": _stata(tmp_path, 117, RECORDS, **labels),
        "cut.parquet": (tmp_path / "made.parquet").read_bytes()[:-9],
        "nested.parquet": (tmp_path / "nested.parquet").read_bytes(),
        "utf_16.csv": CSV.encode("UTF-16"),
        "utf_16_le.csv": CSV.encode("UTF-16-LE"),
        "latin.csv": "n\xe4me,v\n".encode("latin-1"),
        "sheet.xlsx": _zipped("[Content_Types].xml", b"<x/>"),
        "old.xls": b"\xd0\xcf\x11\xe0" + b"\0" * 99,
    }


SAID = {
    "empty.dta": "the file is empty",
    "cut.zip": "the archive is broken or cut off",
    "hollow.zip": "the archive is empty",
    "empty_member.zip": "2003.csv: the file is empty",
    "protected.zip": "2003.csv needs a password; unpack the archive yourself",
    "nested.zip": "an archive inside an archive is not read",
    "damaged.zip": "the archive is broken or cut off",
    "cut.csv.gz": "the archive is broken or cut off",
    "cut_114.dta": "cannot be read as a Stata file, cut off or damaged",
    "cut_117.dta": "cannot be read as a Stata file, cut off or damaged",
    "cut_118.dta": "cannot be read as a Stata file, cut off or damaged",
    "strange.dta": "no layout has these headings (名称, 天气, 数量); the nearest is plain (not in the layout: 天气;",
    # The last pyreadstat for Python 3.10 cannot read Chinese names of labels.
    "labelled.dta": "variables with value labels: 数量 (5 = five); say `value_labels: numbers` or"
    if sys.version_info >= (3, 11)
    else "cannot read; use Python 3.11 or later",
    "cut.parquet": "cannot be read as a Parquet file, cut off, damaged or encrypted",
    "nested.parquet": "columns that are neither text nor numbers nor dates: 金额 (list<",
    "utf_16.csv": "the file is written in UTF-16",
    "utf_16_le.csv": "the file is written in UTF-16",
    "latin.csv": "no layout has these headings",
    "sheet.xlsx": "this is an Office document",
    "old.xls": "this is an Office document",
}


def test_every_broken_file_is_told_in_a_sentence_all_at_once(tmp_path, broken):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, content in broken.items():
        (folder / f"2003_{name}").write_bytes(content)
    with pytest.raises(InputError) as raised:
        take_inventory("customs", str(folder), _looking())
    assert len(raised.value.faults) == len(broken)
    for name, said in SAID.items():
        (fault,) = [fault for fault in raised.value.faults if f"2003_{name}" in fault.split(": ")[0]]
        assert said in fault


def test_a_database_without_mdbtools_is_told_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "2003.mdb").write_bytes(b"\x00\x01\x00\x00Standard ACE DB\x00")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=r"2003.mdb: .*apt-get install mdbtools"):
        take_inventory("customs", str(tmp_path), _looking())


def test_a_database_that_cannot_be_opened_is_told(tmp_path, fake_mdbtools):
    (tmp_path / "2003.mdb").write_bytes(b"\x00\x01\x00\x00Standard ACE DB\x00")
    (fake_mdbtools / "mdb-tables").write_text('#!/bin/sh\necho "wrong version" >&2\nexit 1\n')
    with pytest.raises(InputError, match=r"mdb-tables cannot read the database \(wrong version\)"):
        take_inventory("customs", str(tmp_path), _looking())


@pytest.mark.skipif(shutil.which("mdb-export") is None, reason="mdbtools are not installed")
def test_a_real_database(tmp_path):
    packed = os.path.join(os.path.dirname(__file__), "access_2000.mdb.gz")
    (tmp_path / "2000-01.mdb").write_bytes(gzip.decompress(Path(packed).read_bytes()))
    assert access.tables(tmp_path / "2000-01.mdb") == ["2000-01"]
    headings = [name.decode() for name in access.headings(tmp_path / "2000-01.mdb", "2000-01", "GB18030")]
    assert headings[:3] == ["shipment_date", "exp_imp", "hs_id"]
    access.export(tmp_path / "2000-01.mdb", "2000-01", "GB18030", tmp_path / "made.csv")
    lines = (tmp_path / "made.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith('"2000-01-15","1","01012100",1234567.5,5,"4403940277","深圳""嘉明""\\n厂, 一"')
