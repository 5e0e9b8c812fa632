"""What is read is what stands in the files: every field, every line number, the bytes of what cannot be read."""

from __future__ import annotations

import pytest

from haiguan.jobs.runtime import text_reader
from haiguan.jobs.runtime.inventory import Looking, take_inventory
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.layouts import Layout
from haiguan.jobs.runtime.readers import read_files
from haiguan.jobs.runtime.scratch import Scratch
from haiguan.transforms.schema import TABLES

RAW = TABLES["raw_customs__declarations"]


def _layout(encoding: str = "UTF-8", separator: str = ",") -> Layout:
    return Layout(
        name="plain",
        source="customs",
        edition="yearly",
        years=(2000, 2010),
        encoding=(encoding,),
        separator=(separator,),
        headings={"名称": "firm_name_text", "金额": "value_text", "单位": "unit_text"},
        ignored=("天气",),
        may_lack=("单位",),
        file_name=r"(?P<year>\d{4})",
    )


@pytest.fixture
def read(spark, tmp_path):
    """Writes files of the given bytes, reads them, and returns the rows by file and line."""

    def read_contents(contents: dict[str, bytes], **layout: str) -> dict[tuple[str, int], object]:
        for name, content in contents.items():
            path = tmp_path / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        scratch = Scratch(None)
        files = take_inventory(
            "customs", str(tmp_path / "files"), Looking([_layout(**layout)], (1990, 2030), {}, scratch)
        )
        rows = read_files(spark, files, RAW, scratch).frame().collect()
        found = {(row.file, row.line): row for row in rows}
        assert len(found) == len(rows), "a line was read twice"
        return found

    return read_contents


def _fields(rows, file: str = "2003.csv") -> list[tuple]:
    return [(line, row.firm_name_text, row.value_text) for (name, line), row in sorted(rows.items()) if name == file]


def test_every_field_is_the_string_delivered(read):
    rows = read({"2003.csv": "名称,金额,天气\n 甲 公司 ,007.50,晴\n,1e6,\n".encode()})
    assert _fields(rows) == [(2, " 甲 公司 ", "007.50"), (3, "", "1e6")]
    row = rows["2003.csv", 2]
    assert (row.year, row.file, row.layout, row.copies, row.unreadable) == (2003, "2003.csv", "plain", 1, None)
    assert row.raw_bytes_hex is None
    assert (row.unit_text, row.period_text) == (None, None)


def test_columns_are_those_declared_in_their_order(read):
    (row,) = read({"2003.csv": "名称,金额\n甲,1\n".encode()}).values()
    assert row.__fields__ == list(RAW.column_names)


def test_quotes_and_doubled_quotes(read):
    lines = '名称,金额\n"甲,乙",1\n"他说""好""",2\n甲"乙"丙,3\n"",4\n'
    assert _fields(read({"2003.csv": lines.encode()})) == [
        (2, "甲,乙", "1"),
        (3, '他说"好"', "2"),
        (4, '甲"乙"丙', "3"),
        (5, "", "4"),
    ]


def test_carriage_returns_belong_to_the_line_break(read):
    rows = read({"2003.csv": "名称,金额\r\n甲,1\r\n乙,\r\n".encode()})
    assert _fields(rows) == [(2, "甲", "1"), (3, "乙", "")]


def test_byte_order_mark_and_missing_last_line_break(read):
    rows = read({"2003.csv": "\ufeff名称,金额\n甲,1\n乙,2".encode()})
    assert _fields(rows) == [(2, "甲", "1"), (3, "乙", "2")]


@pytest.mark.parametrize("separator", ["\t", "|"])
def test_other_separators(read, separator):
    rows = read({"2003.csv": f"名称{separator}金额\n甲,乙{separator}1\n".encode()}, separator=separator)
    assert _fields(rows) == [(2, "甲,乙", "1")]


def test_gb18030_with_two_and_four_byte_characters(read):
    rows = read({"2003.csv": "名称,金额\n𠀀䶵镕,1\n".encode("gb18030")}, encoding="GB18030")
    assert _fields(rows) == [(2, "𠀀䶵镕", "1")]


def test_lines_that_cannot_be_read_keep_their_bytes_and_their_number(read):
    undecodable = b"\xbc\xff\xd7,1"
    lines = ["名称,金额".encode("gb18030"), b"a,1", undecodable, b"a,b,2", b"only", b'"open,3', b"z,9"]
    rows = read({"2003.csv": b"\n".join(lines) + b"\n"}, encoding="GB18030")
    told = {line: (row.unreadable, row.raw_bytes_hex) for (_, line), row in rows.items()}
    assert told == {
        2: (None, None),
        3: ("undecodable", undecodable.hex().upper()),
        4: ("unsplittable", b"a,b,2".hex().upper()),
        5: ("unsplittable", b"only".hex().upper()),
        6: ("unsplittable", b'"open,3'.hex().upper()),
        7: (None, None),
    }
    assert all(row.firm_name_text is None for row in rows.values() if row.unreadable)
    assert all(row.year == 2003 and row.layout == "plain" for row in rows.values())


def test_blank_lines_are_records_that_cannot_be_split(read):
    rows = read({"2003.csv": "名称,金额\n\n甲,1\n".encode()})
    assert {line: row.unreadable for (_, line), row in rows.items()} == {2: "unsplittable", 3: None}


def test_line_numbers_over_many_pieces_of_several_files(read, monkeypatch):
    sizes = {"2003.csv": 400, "2004.csv": 7, "2005.csv": 250}
    contents = {
        name: "名称,金额\n".encode() + b"".join(f"{name}甲,{line}\n".encode() for line in range(2, size + 2))
        for name, size in sizes.items()
    }
    monkeypatch.setattr(text_reader, "PIECE", 97)
    rows = read(contents)
    assert len(rows) == sum(sizes.values())
    assert [
        key for key, row in rows.items() if (row.firm_name_text, row.value_text) != (f"{key[0]}甲", str(key[1]))
    ] == []


NAMES = (
    "进口 2003.csv",
    "2003 [final] {1}.csv",
    "a*b?2003.csv",
    "100%25 2003#1.csv",
    "2003;v=2.csv",
    "下级/更深/2003+x&y.csv",
    "2003\\1.csv",
)


def test_file_names_as_people_write_them(read):
    rows = read({name: f"名称,金额\n{name},1\n".encode() for name in NAMES})
    assert {(file, row.firm_name_text) for (file, _), row in rows.items()} == {(name, name) for name in NAMES}


def test_files_of_different_headings_are_read_together(read):
    rows = read({"2003.csv": "名称,金额\n甲,1\n".encode(), "2004.csv": "单位,金额,名称\n台,2,乙\n".encode()})
    told = {(row.file, row.firm_name_text, row.value_text, row.unit_text) for row in rows.values()}
    assert told == {("2003.csv", "甲", "1", None), ("2004.csv", "乙", "2", "台")}


def test_file_with_a_heading_alone_has_no_rows(read):
    rows = read({"2003.csv": "名称,金额\n".encode(), "2004.csv": "名称,金额\n甲,1\n".encode()})
    assert list(rows) == [("2004.csv", 2)]


def test_rows_are_written_as_they_are_shown(spark, tmp_path):
    """The first batch of a file holds only what cannot be read, and its layout tells a column by itself."""
    files = tmp_path / "files"
    files.mkdir()
    (files / "2003.csv").write_bytes("名称,金额\n".encode() + b"\xff,1\n\n" + "甲,乙\n".encode())
    (files / "2004.csv").write_bytes("名称,金额\n".encode())
    layout = _layout().model_copy(update={"constants": {"regime_text": "一般贸易"}})
    scratch = Scratch(None)
    found = take_inventory("customs", str(files), Looking([layout], (1990, 2030), {}, scratch))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_reader, "PIECE", 18)
        delivery = read_files(spark, found, RAW, scratch)
    lake = Lake(str(tmp_path / "lake"))
    staged = lake.stage(spark, delivery, RAW, "run")
    written = sorted(lake.read_staged(spark, staged).collect(), key=lambda row: row.line)
    assert written == sorted(delivery.frame().collect(), key=lambda row: row.line)
    assert [(row.line, row.unreadable, row.regime_text) for row in written] == [
        (2, "undecodable", None),
        (3, "unsplittable", None),
        (4, None, "一般贸易"),
    ]
    assert {path.name for path in staged.path.iterdir()} == {"_delta_log", "year=2003"}
    assert not list(staged.path.rglob(".part*"))
