from __future__ import annotations

import subprocess
import sys

import pytest

from haiguan.jobs.analyst.catalogue import data_files, stored
from haiguan.jobs.analyst.doctor import examine_disk, examine_java, examine_lake, examine_packages, examine_python


@pytest.mark.parametrize(("version", "is_well"), [((3, 9), False), ((3, 10), True), ((3, 12), True), ((3, 13), False)])
def test_a_python_outside_the_bounds_is_wrong(version, is_well):
    found = examine_python(version)
    assert found.is_well is is_well
    assert is_well or "3.10 to 3.12" in found.remedy


def test_a_package_of_another_version_is_named_with_both(tmp_path):
    pins = tmp_path / "constraints.txt"
    pins.write_text("# pins\npandas==0.1\nno-such-package==1.0\npandas==0.2 ; python_version < '3'\n", encoding="utf-8")
    found = examine_packages(pins)
    assert not found.is_well
    assert found.found.startswith("pandas 2")
    assert found.found.endswith("instead of ==0.1")
    assert "make setup" in found.remedy


def test_packages_within_the_declared_bounds_are_well_without_pins(tmp_path):
    assert examine_packages(tmp_path / "none").is_well


def test_a_machine_without_java_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr("haiguan.jobs.runtime.session._java_homes", lambda: iter([tmp_path]))
    found = examine_java()
    assert not found.is_well
    assert "apt-get install openjdk-17" in found.remedy


def test_too_little_room_is_wrong(tmp_path):
    assert examine_disk(tmp_path, enough=0).is_well
    assert not examine_disk(tmp_path, enough=10**20).is_well


def test_a_lake_that_is_not_there_yet_is_well_and_not_made(tmp_path):
    (found,) = examine_lake(str(tmp_path / "none"))
    assert found.is_well
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_wrong(tmp_path):
    (tmp_path / "thesis.doc").touch()
    (found,) = examine_lake(str(tmp_path))
    assert not found.is_well
    assert "lake=DIR" in found.found


def test_a_lake_on_another_scheme_is_wrong():
    (found,) = examine_lake("s3://bucket/lake")
    assert not found.is_well


def test_a_good_lake_is_counted_and_free(lake):
    tables, lock = examine_lake(str(lake.root))
    assert (tables.is_well, lock.is_well) == (True, True)
    assert tables.found.startswith("2 tables")
    assert lock.found == "free"


def test_a_file_that_is_gone_is_named(lake):
    (gone,) = data_files(stored(lake, "core_countries__codes"))
    gone.unlink()
    (found,) = examine_lake(str(lake.root))
    assert not found.is_well
    assert f"core_countries__codes: 1 of its 1 files are gone, such as {gone}" in found.found


def test_a_log_that_cannot_be_read_is_named(lake):
    for commit in (lake.path("core_countries__codes") / "_delta_log").glob("*.json"):
        commit.write_text("{", encoding="utf-8")
    (found,) = examine_lake(str(lake.root))
    assert not found.is_well
    assert found.found.startswith("core_countries__codes: ")


@pytest.mark.slow
def test_the_doctor_starts_spark_and_finds_all_well(lake, tmp_path):
    small = ["--set", "spark.master=local[1]", "--set", "spark.driver_memory=1g"]
    folders = ["--set", f"lake={lake.root}", "--set", f"reports={tmp_path / 'reports'}"]
    doctor = "from haiguan.jobs.analyst.commands import app; app(['doctor', *__import__('sys').argv[1:]])"
    said = subprocess.run(
        [sys.executable, "-c", doctor, *small, *folders], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    lines = [line.split()[:2] for line in said.stdout.splitlines()]
    assert ["ok", "Spark"] in lines, said.stdout + said.stderr
    assert [subject for _, subject in lines[:4]] == ["Python", "packages", "Java", "Spark"]
    assert lines[-2:] == [["ok", "lake"], ["ok", "lock"]]
