"""A stage that runs alone says what must have been published before it."""

from __future__ import annotations

import pytest

from haiguan.jobs.runtime.graph import build_graph
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.manifest import Manifest
from haiguan.jobs.runtime.run import Request, Work, _published_elsewhere, read_settings, work_of
from haiguan.jobs.runtime.stages import STAGES
from haiguan.transforms.errors import InputError


@pytest.fixture
def manifest(tmp_path) -> Manifest:
    return Manifest(Lake(str(tmp_path / "lake")), "run-1")


def test_a_stage_alone_needs_what_it_reads(manifest):
    settings = read_settings(None, ["inputs.customs=somewhere"])
    work = work_of(Request("jobs/panel.py", only="panel"), settings)
    with pytest.raises(InputError, match="core_customs__annual_flows is not published yet; run stage harmonise first"):
        _published_elsewhere(work, manifest)


def test_an_input_that_a_table_can_do_without_may_be_missing(manifest):
    assert _published_elsewhere(Work(build_graph(STAGES), ["result_studies__estimates"], {}), manifest) == {}
