"""Settings: layered, checked as a whole, every fault named with its file and the nearest valid name."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict

from haiguan.jobs.runtime.run import read_settings
from haiguan.jobs.runtime.settings import Settings, load_settings, printable, settings_model, valid_keys
from haiguan.transforms.errors import InputError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    threshold: float
    names: tuple[str, ...]


class _Tiny(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    lake: str
    section: _Section


_BASE = "lake: here\nsection: {threshold: 0.5, names: [a, b]}\n"


def _load(assignments=(), conf=None):
    return load_settings(_Tiny, conf, assignments, base=_BASE)


def test_base_file_has_every_setting():
    assert isinstance(read_settings(None, []), Settings)


def test_later_layers_override_earlier_ones(tmp_path):
    conf = tmp_path / "mine.yaml"
    conf.write_text("section: {threshold: 0.7}\n")
    loaded = _load(["section.names=[c]"], conf)
    assert (loaded.lake, loaded.section.threshold, loaded.section.names) == ("here", 0.7, ("c",))


def test_unknown_key_names_file_and_nearest_name(tmp_path):
    conf = tmp_path / "mine.yaml"
    conf.write_text("section: {treshold: 0.7}\n")
    with pytest.raises(InputError, match=r"mine.yaml: unknown setting `section.treshold`.*`section.threshold`"):
        _load([], conf)


def test_wrong_type_names_where_it_was_set():
    with pytest.raises(InputError, match=r"--set section.threshold=high: setting `section.threshold`.*'high'"):
        _load(["section.threshold=high"])


def test_all_faults_are_told_at_once():
    with pytest.raises(InputError) as raised:
        _load(["section.threshold=high", "laek=x"])
    assert len(raised.value.faults) == 2


def test_missing_settings_file_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no such settings file"):
        _load([], tmp_path / "absent.yaml")


def test_broken_yaml_names_the_line(tmp_path):
    conf = tmp_path / "mine.yaml"
    conf.write_text("lake: here\nsection: {threshold\n")
    with pytest.raises(InputError, match=r"mine.yaml, line \d"):
        _load([], conf)


def test_assignment_without_equals_sign_is_refused():
    with pytest.raises(InputError, match="no '='"):
        _load(["lake"])


def test_secrets_are_masked():
    shown = printable({"spark": {"conf": {"fs.azure.account.key": "abc", "spark.local.dir": "/scratch"}}})
    assert shown == {"spark": {"conf": {"fs.azure.account.key": "********", "spark.local.dir": "/scratch"}}}


def test_keys_are_listed_with_their_sections():
    assert valid_keys(_Tiny) == ["lake", "section", "section.threshold", "section.names"]


def test_sections_of_tables_become_fields():
    assert "section" in settings_model({"section": _Section}).model_fields
