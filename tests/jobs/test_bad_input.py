"""Bad input: a sentence that names file, line and remedy, the right exit code, and a lake as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from customs_files import HEADINGS, record, write_month
from deltalake import DeltaTable

from haiguan.jobs import cli
from haiguan.jobs.runtime import delta

CONF = Path(cli.__file__).resolve().parents[1] / "conf" / "layouts" / "customs"
_SPARK = ["--set", "spark.master=local[2]", "--set", "spark.driver_memory=2g", "--set", "spark.shuffle_partitions=2"]
RAW, CORE = "raw/customs__declarations", "core/customs__declarations"


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    """One lake for all that is typed here, so that code tables are built once; tests look at what they change in it."""
    return tmp_path_factory.mktemp("bad_input") / "lake"


@pytest.fixture
def haiguan(lake, capsys):
    """Runs the command as typed; returns the exit code and what it said."""

    def typed(*arguments: str) -> tuple[int, str]:
        place = ["--set", f"lake={lake}", "--set", f"reports={lake.parent / 'reports'}"]
        command = ["run", *place, *_SPARK, *arguments]
        code = cli.guarded(lambda: cli.app(command, standalone_mode=False))
        said = capsys.readouterr()
        return code, said.out + said.err

    return typed


def _customs(folder: Path) -> list[str]:
    return ["--set", f"inputs.customs={folder}", "--to", "core_customs__declarations"]


def _files(folder: Path) -> list[str]:
    """What concerns files alone shows when they are read."""
    return ["--set", f"inputs.customs={folder}", "--to", "raw_customs__declarations"]


def _version(table: Path) -> int | None:
    return DeltaTable(str(table)).version() if delta.is_published(table) else None


GOOD = [record() for _ in range(30)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "inputs.customs=absent/folder"], "absent/folder: no such file"),
        ([], "no input is named"),
        (["--set", "inputs.custom=x"], "the nearest valid name is `inputs.customs`"),
        (["--set", "inputs.customs=absent", "--to", "core_costoms"], "neither a stage nor a table"),
        (["--set", "inputs.customs=absent", "--years", "two"], "such as 2003-2007"),
        (
            ["--set", "inputs.customs=absent", "--set", "harmonise.to=2005"],
            "harmonise.to is 2005, a year, which asks for codes of eight digits",
        ),
        (["--conf", "absent.yaml"], "no such settings file"),
    ],
    ids=[
        "missing file",
        "nothing named",
        "unknown setting",
        "unknown target",
        "years",
        "year of codes",
        "missing settings",
    ],
)
def test_wrong_command_is_told_in_a_sentence(haiguan, arguments, said):
    code, text = haiguan(*arguments)
    assert code == 2
    assert said in " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data200301.csv", b"", "the file is empty"),
        ("data200301.csv", (";".join(HEADINGS) + "\n").encode("GB18030"), "separated by ';'"),
        ("data200301.csv", (",".join(HEADINGS) + "\n").encode("UTF-16"), "written in UTF-16"),
        ("data200301.csv", (",".join([*HEADINGS, "天气"]) + "\n").encode("GB18030"), "not in the layout: 天气"),
        ("data198001.csv", (",".join(HEADINGS) + "\n").encode("GB18030"), "but the file is of 1980"),
        (
            "data200301.csv",
            (",".join(HEADINGS) + "\n" + record() + "\n" + record()[:30]).encode("GB18030"),
            "line 3: the file ends in the middle of a line",
        ),
    ],
    ids=["empty", "delimiter", "encoding", "heading", "year", "truncated"],
)
def test_wrong_file_is_told_with_its_name(haiguan, tmp_path, name, content, said):
    folder = tmp_path / "customs"
    folder.mkdir()
    (folder / name).write_bytes(content)
    code, text = haiguan(*_customs(folder))
    assert code == 2
    assert name in text
    assert said in " ".join(text.split())


def test_year_outside_the_settings_is_told(haiguan, tmp_path):
    write_month(tmp_path / "customs" / "data200301.csv", GOOD)
    code, text = haiguan(*_customs(tmp_path / "customs"), "--set", "run.years=[2004, 2010]")
    assert code == 2
    assert "the file is of 2003, but run.years is 2004 to 2010" in " ".join(text.split())


def test_a_dry_run_makes_nothing(haiguan, tmp_path):
    write_month(tmp_path / "customs" / "data200301.csv", GOOD)
    code, text = haiguan(*_customs(tmp_path / "customs"), "--set", f"lake={tmp_path / 'lake'}", "--dry-run")
    assert code == 0
    assert "raw_customs__declarations" in text
    assert not (tmp_path / "lake").exists()


def test_two_editions_of_the_same_months_are_told_with_their_totals(haiguan, lake, tmp_path):
    folder = tmp_path / "customs"
    write_month(folder / "data200301.csv", GOOD)
    write_month(folder / "data200302.csv", [record(日期="200302")] * 30)
    yearly = (CONF / "monthly_2003_2004.yaml").read_text(encoding="utf-8")
    yearly = yearly.replace("edition: monthly", "edition: yearly").replace("[2003, 2004]", "[2003, 2003]")
    yearly = yearly.replace(r"'data(?P<year>\d{4})(?P<month>\d{2})'", r"'^(?P<year>\d{4})_'").replace("日期:", "年月:")
    (tmp_path / "layouts" / "customs").mkdir(parents=True)
    (tmp_path / "layouts" / "customs" / "whole_year.yaml").write_text(yearly, encoding="utf-8")
    lines = [record(日期="200302", 金额="7.5")] * 20 + [record(日期="200303")] * 20
    whole = write_month(folder / "2003_1.csv", lines)
    whole.write_bytes(whole.read_bytes().replace("日期".encode("GB18030"), "年月".encode("GB18030")))
    own = ["--set", f"run.layouts={tmp_path / 'layouts'}"]
    code, text = haiguan(*_files(folder), *own)
    text = " ".join(text.split())
    assert code == 2
    assert (
        "two editions cover 2003-02 (monthly: 30 rows, 3,007.50 US dollars; yearly: 20 rows, 150.00 US dollars)" in text
    )
    assert haiguan(*_files(folder), *own)[0] == 2
    code, text = haiguan(*_files(folder), *own, "--set", "run.editions={2003: monthly}")
    assert code == 0
    assert "not read, since run.editions names another edition: 2003_1.csv" in " ".join(text.split())
    raw = DeltaTable(str(lake / RAW)).to_pandas()
    assert raw.groupby("file").size().to_dict() == {"data200301.csv": 30, "data200302.csv": 30}
    code, text = haiguan(*_files(folder), *own, "--set", "run.editions={2003: annual}")
    assert code == 2
    assert "no file of 2003 is of edition annual; there are monthly, yearly" in " ".join(text.split())


def test_all_faults_are_told_at_once_and_nothing_changes(haiguan, lake, tmp_path):
    folder = tmp_path / "customs"
    write_month(folder / "data200301.csv", GOOD)
    assert haiguan(*_files(folder))[0] == 0
    before = DeltaTable(str(lake / RAW)).version()
    write_month(folder / "data200302.csv", [record(日期="200302")] * 30)
    (folder / "data200303.csv").write_bytes(b"")
    (folder / "data200304.csv").write_bytes(b"a,b\n1,2\n")
    code, text = haiguan(*_files(folder))
    assert code == 2
    assert "data200303.csv" in text
    assert "data200304.csv" in text
    assert DeltaTable(str(lake / RAW)).version() == before


def test_folder_that_is_no_lake_is_refused(haiguan, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    (work / "thesis.tex").write_text("do not lose me")
    write_month(tmp_path / "customs" / "data200301.csv", GOOD)
    code, text = haiguan(*_customs(tmp_path / "customs"), "--set", f"lake={work}")
    assert code == 2
    assert "no lake of haiguan" in " ".join(text.split())
    assert (work / "thesis.tex").read_text() == "do not lose me"


def test_unknown_labels_stop_the_run_with_all_of_them_listed(haiguan, tmp_path):
    lines = [
        *GOOD,
        record(进口或出口="转口"),
        record(贸易方式="宇宙贸易"),
        record(起运国或目的国="火星"),
        record(起运国或目的国="火星"),
    ]
    write_month(tmp_path / "customs" / "data200301.csv", lines)
    code, text = haiguan(*_customs(tmp_path / "customs"))
    text = " ".join(text.split())
    assert code == 2
    assert "data200301.csv, line 32: `转口` (1 records) is no known direction" in text
    assert "data200301.csv, line 33: `宇宙贸易` (1 records) is no known regime" in text
    assert "data200301.csv, line 34: `火星` (2 records) is no known partner" in text
    assert "clean.ignore_labels.partner" in text


def test_labels_ignored_on_purpose_go_to_quarantine(haiguan, lake, tmp_path):
    write_month(tmp_path / "customs" / "data200301.csv", [*GOOD, record(起运国或目的国="火星")])
    code, _ = haiguan(*_customs(tmp_path / "customs"), "--set", "clean.ignore_labels={partner: [火星]}")
    assert code == 0
    quarantine = DeltaTable(str(lake / "quarantine/customs__declarations")).to_pandas()
    assert [list(rules) for rules in quarantine.rules] == [["ignored_label"]]


def test_too_many_bad_records_stop_the_run_at_the_gate_and_few_do_not(haiguan, lake, tmp_path):
    folder = tmp_path / "customs"
    before = _version(lake / CORE)
    bad = [record(金额='"1,234.5"'), record(金额="1.2e6"), record(税号编码="77010000")]
    write_month(folder / "data200301.csv", [*GOOD, *bad])
    code, text = haiguan(*_customs(folder))
    assert code == 3
    assert "quarantine_customs__declarations: the gate did not let the new rows pass" in " ".join(text.split())
    assert _version(lake / CORE) == before
    gates = DeltaTable(str(lake / "ops/runs__gates")).to_pandas()
    assert not gates[gates.table_name == "quarantine_customs__declarations"].is_success.all()
    write_month(folder / "data200301.csv", [*GOOD * 3, *bad])
    code, _ = haiguan(*_customs(folder))
    assert code == 0
    quarantine = DeltaTable(str(lake / "quarantine/customs__declarations")).to_pandas()
    assert sorted(rules[0] for rules in quarantine.rules) == ["malformed_value", "malformed_value", "unknown_product"]


def test_codes_of_eight_digits_go_to_a_year_by_a_table_of_changes_and_are_refused_without(haiguan, lake, tmp_path):
    write_month(tmp_path / "customs" / "data200301.csv", GOOD)
    changes = tmp_path / "changes.csv"
    changes.write_text("source_year,source_code,target_year,target_code\n2003,61091000,2002,61091090\n")
    named = ["--set", f"inputs.customs={tmp_path / 'customs'}", "--to", "core_customs__annual_flows"]
    code, text = haiguan(*named, "--set", "harmonise.to=2002")
    assert code == 2
    assert "name a table of their changes under inputs.hs8_changes" in " ".join(text.split())
    with_table = [*named, "--set", f"inputs.hs8_changes={changes}"]
    code, text = haiguan(*with_table, "--set", "harmonise.to=2001")
    assert code == 2
    assert (
        "there are records of 2003, and inputs.hs8_changes has no table for conversion from 2003 to 2001"
        in " ".join(text.split())
    )
    assert haiguan(*with_table, "--set", "harmonise.to=2002")[0] == 0
    (flow,) = DeltaTable(str(lake / "core/customs__annual_flows")).to_pandas().itertuples()
    assert (flow.product_code, flow.national_code_year, flow.hs_revision) == ("61091090", 2002, "HS2002")
    assert (str(flow.value_usd), flow.valuation, flow.exchange_rate_rule) == ("3007.50", "FOB", "none")


def test_an_archive_far_from_published_totals_stops_the_run_unless_it_is_a_sample(haiguan, lake, tmp_path):
    """Thirty records of 100.25 US dollars each, and a statistics office that changes its mind."""
    write_month(tmp_path / "customs" / "data200301.csv", GOOD)
    totals = tmp_path / "national.csv"
    inputs = ["--set", f"inputs.customs={tmp_path / 'customs'}", "--set", f"inputs.national={totals}"]
    compare = [*inputs, "--to", "core_customs__coverage"]
    coverage = lake / "core/customs__coverage"

    def published(amount: str) -> None:
        totals.write_text(f"year,month,direction,regime,value_usd\n2003,,export,,{amount}\n", encoding="utf-8")

    published("3007.50")
    assert haiguan(*compare)[0] == 0
    before, good = _version(coverage), DeltaTable(str(coverage)).to_pandas()
    assert good.coverage_verdict.tolist() == ["covered"]
    published("4296.43")  # the archive lacks 30 %
    code, text = haiguan(*compare)
    assert code == 3
    assert "core_customs__coverage: the gate did not let the new rows pass" in " ".join(text.split())
    assert (_version(coverage), DeltaTable(str(coverage)).to_pandas().equals(good)) == (before, True)
    code, text = haiguan(*compare, "--set", "coverage.archive_is_sample=true")
    assert code == 0
    assert "core_customs__coverage: warning" in " ".join(text.split())
    (sample,) = DeltaTable(str(coverage)).to_pandas().itertuples()
    assert (sample.coverage_verdict, round(sample.coverage_ratio, 4)) == ("sample", 0.7)


def test_a_full_disk_is_told_as_such(capsys, monkeypatch):
    def full() -> None:
        raise OSError(28, "No space left on device")

    code = cli.guarded(full)
    assert code == 1
    assert "the disk is full; every table is at its last good version" in " ".join(capsys.readouterr().err.split())
