"""Sources: their slices and fingerprints say all that their rows depend on."""

from __future__ import annotations

import pandas as pd
import pytest

from haiguan.jobs.runtime import deliveries, sources
from haiguan.jobs.runtime.run import read_settings
from haiguan.jobs.runtime.sources import is_available, open_source
from haiguan.transforms.errors import InputError

HEADINGS = "日期,进口或出口,企业编码,经营单位,企业性质,税号编码,起运国或目的国,金额,数量,贸易方式\n"


@pytest.fixture
def customs(tmp_path):
    """A folder with files of two months, and the source opened."""
    folder = tmp_path / "customs"
    folder.mkdir()
    for month, value in ((1, "10"), (2, "20")):
        path = folder / f"data20030{month}.csv"
        path.write_bytes(f"{HEADINGS}20030{month},1,a,b,c,d,e,{value},1,f\n".encode("gb18030"))

    def opened(**kwargs):
        return open_source("customs", read_settings(None, [f"inputs.customs={folder}"]), kwargs.get("known", {}))

    opened.folder = folder
    return opened


def _settings(*assignments: str):
    return read_settings(None, list(assignments))


def test_a_file_is_a_slice_of_its_year(customs):
    source = customs()
    assert sorted((values["year"], len(values["file_id"])) for values in source.slices.values()) == [(2003, 16)] * 2
    assert source.fingerprints.keys() == source.slices.keys()
    assert [file.name for file in source.files] == ["data200301.csv", "data200302.csv"]


def test_fingerprint_changes_with_the_bytes_of_that_file_alone(customs):
    before = customs().fingerprints
    path = customs.folder / "data200302.csv"
    path.write_bytes(path.read_bytes() + path.read_bytes().split(b"\n")[1] + b"\n")
    after = customs().fingerprints
    assert [before[text] == after[text] for text in sorted(before)].count(False) == 1


def test_fingerprint_changes_with_the_number_of_copies(customs):
    before = customs().fingerprints
    (customs.folder / "data200301_again.csv").write_bytes((customs.folder / "data200301.csv").read_bytes())
    after = customs().fingerprints
    assert after.keys() == before.keys()
    assert len(set(before.values()) - set(after.values())) == 1


def test_fingerprint_changes_with_the_code_that_reads(customs, monkeypatch):
    before = customs().fingerprints
    assert customs().fingerprints == before
    monkeypatch.setattr(deliveries, "_reader_code", lambda: "another")
    assert not set(before.values()) & set(customs().fingerprints.values())


def test_fingerprint_does_not_depend_on_where_the_folder_lies(customs, tmp_path):
    before = customs().fingerprints
    moved = customs.folder.rename(tmp_path / "elsewhere")
    assert open_source("customs", _settings(f"inputs.customs={moved}"), {}).fingerprints == before


def test_inputs_are_available_where_they_are_named_and_packaged_ones_always():
    settings = _settings("inputs.customs=somewhere")
    assert is_available("customs", settings)
    assert not is_available("comtrade", settings)
    assert is_available("countries", settings)


@pytest.mark.parametrize("source", ["customs_layouts", "customs_labels", "countries", "products", "hs_links"])
def test_packaged_tables_are_one_slice_that_the_content_names(source):
    opened = open_source(source, _settings(), {})
    assert list(opened.slices) == [""]
    assert opened.fingerprints == open_source(source, _settings(), {}).fingerprints


def test_tables_of_codes_that_the_user_names_replace_the_embedded_ones(tmp_path):
    (tmp_path / "own.csv").write_text(
        "source_revision,source_code,target_revision,target_code\nHS2007,010111,HS2002,010112\n"
    )
    settings = _settings(f"inputs.hs_tables={tmp_path}")
    assert sources.packaged_rows("products", settings) == [["HS2002", "010112", None], ["HS2007", "010111", None]]
    for source in ("products", "hs_links"):
        embedded = open_source(source, _settings(), {}).fingerprints
        assert open_source(source, settings, {}).fingerprints != embedded


def test_items_of_studies_are_slices_by_study():
    source = open_source("study_estimates", _settings("run.studies=[exports]"), {})
    assert [values["study"] for values in source.slices.values()] == ["exports"]
    frame = source.read(None, list(source.slices.values()))
    assert set(frame.columns) == {"study", "item", "text"}
    assert set(frame.study) == {"exports"}


def test_only_tables_that_ask_for_figures_with_points_of_their_own_have_plots(monkeypatch):
    texts = {
        "none": "kind: estimates",
        "terms": "{kind: estimates, figures: {f: {coefficients: [x]}}}",
        "bins": "{kind: estimates, figures: {f: {coefficients: [x]}, g: {binned_scatter: within}}}",
    }
    rows = pd.DataFrame([("s", item, text) for item, text in texts.items()], columns=["study", "item", "text"])
    monkeypatch.setattr(sources, "study_items", lambda settings, kind: rows)
    assert sources.items_with_figures(_settings("run.studies=[exports]"))["item"].tolist() == ["bins"]
    source = open_source("study_plots", _settings("run.studies=[exports]"), {})
    assert source.read(None, list(source.slices.values()))["item"].tolist() == ["bins"]


def test_an_unknown_study_is_a_sentence():
    with pytest.raises(InputError, match=r"no study is called exprots; there are .*exports"):
        open_source("study_estimates", _settings("run.studies=[exprots]"), {})


def test_changes_of_codes_of_eight_digits_are_read_where_a_year_is_asked_for(tmp_path):
    path = tmp_path / "changes.csv"
    path.write_text("source_year,source_code,target_year,target_code\n2004,01011010,2005,01011000\n")
    source = open_source("hs8_changes", _settings("harmonise.to=2005", f"inputs.hs8_changes={path}"), {})
    assert source.read(None, []).target_code.tolist() == ["01011000"]
    without = [open_source("hs8_changes", _settings(*named), {}) for named in ([], [f"inputs.hs8_changes={path}"])]
    assert [len(other.read(None, [])) for other in without] == [0, 0]
    assert without[0].fingerprints == without[1].fingerprints != source.fingerprints


def test_a_year_without_a_table_of_changes_is_refused_before_anything_is_read():
    with pytest.raises(InputError, match=r"harmonise.to is 2005, a year, .* name a table .* under inputs.hs8_changes"):
        open_source("hs8_changes", _settings("harmonise.to=2005"), {})
