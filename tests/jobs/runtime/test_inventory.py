"""Files are found, hashed and checked before anything is read; every fault of every file is told at once."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timezone

import pytest

from haiguan.jobs.runtime import inventory
from haiguan.jobs.runtime.contents import seal
from haiguan.jobs.runtime.inventory import Known, Looking, take_inventory
from haiguan.jobs.runtime.layouts import Layout
from haiguan.jobs.runtime.scratch import Scratch
from haiguan.transforms.errors import InputError

LAYOUT = Layout(
    name="plain",
    source="customs",
    edition="yearly",
    years=(1990, 2100),
    encoding=("UTF-8",),
    separator=(",",),
    headings={"name": "firm_name_text", "value": "value_text"},
    file_name=r"(?P<year>\d{4})",
)
GOOD = "name,value\na,1\n"


@pytest.fixture
def folder(tmp_path):
    """Writes files below a folder of inputs."""

    def write(**contents: str | bytes):
        for name, content in contents.items():
            path = tmp_path / "in" / name.replace("__", "/").replace("y", "") / ""
            path = path.with_suffix(".csv")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / "in"

    return write


def _take(paths, known=None, years=(2000, 2010)):
    looking = Looking([LAYOUT], years, known or {}, Scratch(None))
    return take_inventory("customs", paths if isinstance(paths, list) else str(paths), looking)


def test_what_is_known_of_a_file(folder):
    root = folder(sub__y2003=GOOD)
    (file,) = _take(root)
    assert file.name == "sub/2003.csv"
    assert (file.content.size, file.year, file.headings, file.copies) == (len(GOOD), 2003, ("name", "value"), 1)
    assert file.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert file.file_id == hashlib.sha256(b"sub/2003.csv").hexdigest()[:16]


@pytest.mark.parametrize("paths", ["in", "in/2003.csv", "in/*.csv", "in/200[0-9].csv", "i?/2003.csv", ["in"]])
def test_a_file_a_folder_a_glob_or_a_list(folder, tmp_path, monkeypatch, paths):
    folder(y2003=GOOD)
    monkeypatch.chdir(tmp_path)
    (file,) = _take(paths)
    assert file.path.name == "2003.csv"


def test_names_do_not_depend_on_where_the_input_lies(folder, tmp_path):
    root = folder(sub__y2003=GOOD)
    (first,) = _take(root)
    root.rename(tmp_path / "elsewhere")
    (second,) = _take(tmp_path / "elsewhere")
    assert (first.name, first.file_id) == (second.name, second.file_id)


def test_hidden_files_are_passed_over(folder):
    root = folder(y2003=GOOD)
    (root / ".DS_Store").write_bytes(b"\x00")
    assert len(_take(root)) == 1


def test_all_faults_of_all_files_at_once(folder, tmp_path):
    root = folder(
        y2001="",
        y2002="name,value\na,1\nb",
        y2003="name,weather\na,1\n",
        y2011=GOOD,
        y2004=GOOD,
    )
    with pytest.raises(InputError) as raised:
        _take([str(root), str(tmp_path / "absent")])
    told = "\n".join(raised.value.faults)
    assert len(raised.value.faults) == 5
    assert f"inputs.customs: {tmp_path / 'absent'}: no such file" in told
    assert "2001.csv: the file is empty" in told
    assert "2002.csv, line 3: the file ends in the middle of a line (1 of 2 fields)" in told
    assert "2003.csv, line 1: no layout has these headings" in told
    assert "2011.csv: the file is of 2011, but run.years is 2000 to 2010" in told


@pytest.mark.parametrize(
    ("tail", "is_refused"),
    [("b", True), ("b,2", False), ("b,2\n", False), ('"b,2', True)],
    ids=["cut in a field", "no last line break", "whole", "cut in quotes"],
)
def test_truncated_files(folder, tail, is_refused):
    root = folder(y2003="name,value\na,1\n" + tail)
    if is_refused:
        with pytest.raises(InputError, match=r"2003.csv, line 3: the file ends in the middle of a line"):
            _take(root)
    else:
        assert len(_take(root)) == 1


def test_an_empty_folder_is_a_fault(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match=r"inputs.customs: .*: no such file, and no file in it"):
        _take(tmp_path / "in")


def test_copies_are_told_by_their_bytes_and_read_under_one_name(folder):
    root = folder(a__y2003=GOOD, b__y2003=GOOD, y2004="name,value\nb,2\n")
    assert [(file.name, file.copies) for file in _take(root)] == [("2004.csv", 1), ("a/2003.csv", 2)]


@pytest.mark.parametrize("copy", ["2003(1).csv", "2003 copy.csv", "2003_2.csv", "backup/2003.csv"])
def test_the_shorter_name_is_the_original_s(tmp_path, copy):
    for name in ("2003.csv", copy):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD)
    assert [(file.name, file.copies) for file in _take(tmp_path)] == [("2003.csv", 2)]


def test_two_files_of_one_name_below_two_inputs_are_refused(folder):
    root = folder(a__y2003=GOOD, b__y2003="name,value\nb,2\n")
    with pytest.raises(InputError, match=r"2003.csv.*2003.csv.*same name"):
        _take([str(root / "a"), str(root / "b")])


def test_copies_of_one_name_below_two_inputs_are_copies(folder):
    root = folder(a__y2003=GOOD, b__y2003=GOOD)
    assert [(file.name, file.copies) for file in _take([str(root / "a"), str(root / "b")])] == [("2003.csv", 2)]


def test_a_file_named_by_two_inputs_is_there_once(folder):
    root = folder(y2003=GOOD)
    assert [file.copies for file in _take([str(root), str(root / "2003.csv")])] == [1]


@pytest.fixture
def hashed(monkeypatch):
    """The names of the files that are hashed."""
    names = []

    def spy(content):
        names.append(content.name)
        return seal(content)

    monkeypatch.setattr(inventory, "seal", spy)
    return names


def _known(path, sha256="known") -> Known:
    status = path.stat()
    return Known(status.st_size, datetime.fromtimestamp(status.st_mtime, timezone.utc), sha256)


def test_unchanged_size_and_time_are_not_hashed_again(folder, hashed):
    root = folder(y2003=GOOD, y2004="name,value\nb,2\n")
    found = _take(root, {"2003.csv": _known(root / "2003.csv")})
    assert hashed == ["2004.csv"]
    assert found[0].sha256 == "known"


@pytest.mark.parametrize("change", ["time", "size"])
def test_changed_size_or_time_is_hashed_again(folder, hashed, change):
    root = folder(y2003=GOOD)
    path = root / "2003.csv"
    known = _known(path)
    status = path.stat()
    if change == "size":
        path.write_text(GOOD + "b,2\n")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    (file,) = _take(root, {"2003.csv": known})
    assert hashed == ["2003.csv"]
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_layout_that_tells_no_year_has_none(folder):
    root = folder(y2003=GOOD)
    layout = LAYOUT.model_copy(update={"file_name": None})
    (file,) = take_inventory("comtrade", str(root), Looking([layout], (2000, 2001), {}, Scratch(None)))
    assert file.year is None


def test_a_name_hides_no_file_but_one_that_begins_with_a_dot(tmp_path):
    for name in ("_2003.csv", "2004.csv._COPYING_", ".2005.csv"):
        (tmp_path / name).write_text(GOOD.replace("a,", f"{name},"))
    assert [file.content.path.name for file in _take(tmp_path)] == ["2004.csv._COPYING_", "_2003.csv"]


@pytest.mark.parametrize("headings", ["name,value,value", "name,value,amount"])
def test_a_column_that_stands_twice_is_refused(tmp_path, headings):
    (tmp_path / "2003.csv").write_text(f"{headings}\na,1,2\n")
    layout = LAYOUT.model_copy(
        update={"headings": {**LAYOUT.headings, "amount": "value_text"}, "may_lack": ("value", "amount")}
    )
    with pytest.raises(InputError, match=r"2003.csv, line 1: a column stands twice in the headings \(.*value"):
        take_inventory("customs", str(tmp_path), Looking([layout], (2000, 2010), {}, Scratch(None)))
