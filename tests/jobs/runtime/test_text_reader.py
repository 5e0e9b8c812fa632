"""A line means the same alone and among a million others, wherever its file is cut."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haiguan.jobs.runtime import text_reader
from haiguan.jobs.runtime.records import Piece, Reading
from haiguan.jobs.runtime.text_reader import read_text

SCHEMA = pa.schema({"line": pa.int64()} | dict.fromkeys(["unreadable", "raw_bytes_hex", "a", "b"], pa.string()))


def _reading(path: str, encoding: str = "GB18030", separator: str = ",", width: int = 2) -> Reading:
    columns = {"a": (0,), "b": (1,)} if width > 1 else {"a": (0,)}
    return Reading(path, "text", False, encoding, separator, width, False, False, columns, {}, {})


def _read(piece: Piece) -> list[tuple]:
    return sorted(tuple(row.values()) for batch in read_text(piece, SCHEMA) for row in batch.to_pylist())


def _read_bytes(folder, content: bytes, **reading) -> list[tuple]:
    path = folder / "lines.txt"
    path.write_bytes(content)
    return _read(Piece(_reading(str(path), **reading)))


QUOTED = {
    '"红星"电器厂,1': ('"红星"电器厂', "1"),
    '"a,b"c,1': ('"a,b"c', "1"),
    '"a,b",c': ("a,b", "c"),
    '"a""b",1': ('a"b', "1"),
    '"""a",1': ('"a', "1"),
    '""a,1': ('""a', "1"),
    'a "b" c,1': ('a "b" c', "1"),
    '"a" ,1': ("a", "1"),
    ' "a",1': (' "a"', "1"),
    '"a"x"b",1': ('"a"x"b"', "1"),
    'x,"a"b': ("x", '"a"b'),
    '"",""': ("", ""),
    ",": ("", ""),
    '"open,3': None,
    'x,"open': None,
    '"a"b,c"d,1': None,
}


@pytest.mark.parametrize("line", QUOTED)
def test_quotes_as_people_type_them(tmp_path, line):
    stored = line.encode("gb18030")
    expected = (1, None, None, *QUOTED[line]) if QUOTED[line] else (1, "unsplittable", stored.hex().upper(), None, None)
    assert _read_bytes(tmp_path, stored) == [expected]


def test_a_lone_carriage_return_is_a_character_of_its_line(tmp_path):
    assert _read_bytes(tmp_path, b"a\rb,1\r\nc,2\r\n") == [(1, None, None, "a\rb", "1"), (2, None, None, "c", "2")]


def test_a_blank_line_cannot_be_split_whatever_the_width(tmp_path):
    assert [row[1] for row in _read_bytes(tmp_path, b"a\n\n", width=1)] == [None, "unsplittable"]
    assert [row[1] for row in _read_bytes(tmp_path, b"\na,b\n\n")] == ["unsplittable", None, "unsplittable"]


def test_a_separator_inside_a_character_is_none(tmp_path):
    stored = "亅|1".encode("gbk")
    assert stored == b"\x81||1", "the second byte of the character is that of a vertical bar"
    assert _read_bytes(tmp_path, stored, encoding="GBK", separator="|") == [(1, None, None, "亅", "1")]


def test_bytes_that_are_not_what_their_text_encodes_to_are_undecodable(tmp_path):
    lines = [b"\xbc\xff,1", "甲,2".encode("gbk"), b"\x80,3", b"x,\xff"]
    told = [(row[0], row[1], row[2]) for row in _read_bytes(tmp_path, b"\n".join(lines), encoding="GBK")]
    assert told == [
        (1, "undecodable", lines[0].hex().upper()),
        (2, None, None),
        (3, "undecodable", lines[2].hex().upper()),
        (4, "undecodable", lines[3].hex().upper()),
    ]


def test_the_bytes_of_a_mark_of_utf_8_are_characters_where_the_encoding_is_another(tmp_path):
    line = "锘縟,1"
    assert line.encode("gb18030").startswith(b"\xef\xbb\xbf")
    assert _read_bytes(tmp_path, line.encode("gb18030")) == [(1, None, None, "锘縟", "1")]


CHARACTERS = ["甲", "é", "𠀀", "a", "1", " ", ",", '"', "\r", "\ufffd", "\0"]
LINES = st.lists(
    st.one_of(
        st.text(st.sampled_from(CHARACTERS), max_size=8).map(lambda text: text.encode("gb18030")),
        st.sampled_from(
            [b"a,b", b"\xff,1", b"\xef\xbb\xbf\xa1,1", b"\x81,1", b"", b'"a,b",c', b'"open', "甲,乙".encode("gb18030")]
        ),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(lines=LINES)
def test_a_line_means_the_same_alone_and_among_others(tmp_path_factory, lines):
    folder = tmp_path_factory.mktemp("lines")
    alone = [row[1:] for line in lines for row in _read_bytes(folder, line + b"\n")]
    together = _read_bytes(folder, b"".join(line + b"\n" for line in lines))
    assert [row[0] for row in together] == list(range(1, len(lines) + 1))
    assert [row[1:] for row in together] == alone


@settings(max_examples=60, deadline=None)
@given(lines=LINES, at=st.integers(1, 40), block=st.integers(1, 30), ends=st.booleans())
def test_a_file_means_the_same_wherever_it_is_cut(tmp_path_factory, lines, at, block, ends):
    path = tmp_path_factory.mktemp("pieces") / "lines.txt"
    path.write_bytes(b"\n".join(lines) + b"\n" * ends + b"a,b")
    reading = _reading(str(path))
    whole = _read(Piece(reading))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_reader, "PIECE", at)
        patch.setattr(text_reader, "_BLOCK", block)
        pieces = text_reader._cut(reading)
        breaks = [text_reader._line_breaks_before_end(piece) for piece in pieces if piece.end is not None]
        numbered = list(text_reader._numbered(pieces, breaks)) if breaks else pieces
        assert sorted(row for piece in numbered for row in _read(piece)) == whole


def test_a_pattern_of_fields_is_not_exponential():
    text = '"a' * 5_000 + ",1"
    assert text_reader._fields_with_quotes(text, ",") is not None
