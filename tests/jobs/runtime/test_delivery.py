"""Records are written as they were read, whatever the blocks of their file are made of."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from haiguan.jobs.runtime import delivery, text_reader
from haiguan.jobs.runtime.records import Piece, Reading
from haiguan.transforms.schema import TABLES

TABLE = TABLES["raw_customs__declarations"]
COLUMNS = ["firm_name_text", "regime_text", "value_text"]
LINES = {
    "ascii": [f"Huaxing {n},ordinary,{n}.5" for n in range(6)],
    "chinese": [f"华兴{n},一般贸易,{n}.5" for n in range(6)],
    "undecodable": [b"\xff,ordinary,1"],
    "quoted": ['"华兴, 深圳",一般贸易,7'],
}


def _write(folder, lines: list[str | bytes], block: int) -> pa.Table:
    path = folder / "lines.csv"
    stored = [line if isinstance(line, bytes) else line.encode("gb18030") for line in lines]
    path.write_bytes(b"".join(line + b"\n" for line in stored))
    description = {"file": "lines.csv", "year": 2003, "file_id": "a1"}
    fields = {name: (position,) for position, name in enumerate(COLUMNS)}
    reading = Reading(str(path), "text", False, "GB18030", ",", 3, False, False, fields, {}, description)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_reader, "_BLOCK", block)
        delivery._write_piece(0, Piece(reading), folder / "table", TABLE)
    return pq.read_table(folder / "table" / "year=2003" / "file_id=a1" / "part-00000.parquet", partitioning=None)


@pytest.mark.parametrize("order", [["ascii", "chinese"], ["chinese", "ascii"], ["undecodable", "chinese"], list(LINES)])
@pytest.mark.parametrize("block", [1, 40, 1000])
def test_the_blocks_of_a_file_may_be_of_different_characters(tmp_path, order, block):
    lines = [line for kind in order for line in LINES[kind]]
    written = _write(tmp_path, lines, block).sort_by("line").select(["line", "raw_bytes_hex", *COLUMNS]).to_pylist()
    assert [row["line"] for row in written] == list(range(1, len(lines) + 1))
    for row, line in zip(written, lines, strict=True):
        if isinstance(line, bytes):
            assert row["raw_bytes_hex"] == line.hex().upper()
        elif '"' in line:
            assert row["firm_name_text"] == "华兴, 深圳"
        else:
            assert ",".join(row[name] for name in COLUMNS) == line


def test_only_what_repeats_has_a_dictionary(tmp_path):
    _write(tmp_path, [f"华兴电子有限公司,ordinary,{n}.5" for n in range(1000)], 1 << 20)
    (file,) = (tmp_path / "table").rglob("*.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    encodings = {group.column(n).path_in_schema: group.column(n).encodings for n in range(group.num_columns)}
    assert "DELTA_BINARY_PACKED" in encodings["line"]
    assert "DELTA_LENGTH_BYTE_ARRAY" in encodings["value_text"]
    assert all("RLE_DICTIONARY" in encodings[name] for name in ("firm_name_text", "regime_text", "file"))
