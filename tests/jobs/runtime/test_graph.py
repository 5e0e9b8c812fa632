"""The graph is read from signatures, and refuses what is no graph."""

from __future__ import annotations

import pandas as pd
import pytest

from haiguan.jobs.runtime.graph import GraphError, Stage, build_graph, fed_by, needed, sections
from haiguan.jobs.runtime.stages import STAGES
from haiguan.transforms.schema import Table
from haiguan.transforms.schema.columns import pick


def _declare(*names: str) -> dict[str, Table]:
    return {name: Table(name, "a row", pick("year value_usd"), key=("year",)) for name in names}


def raw_a__x(files_customs):
    return files_customs


def core_a__y(raw_a__x):
    return raw_a__x


def core_a__z(core_a__y: pd.DataFrame, core_a__w=None):
    return core_a__y


def core_a__w(core_a__z):
    return core_a__z


def test_order_follows_the_parameters():
    graph = build_graph([Stage("all", (core_a__y, raw_a__x))], _declare("raw_a__x", "core_a__y"))
    assert list(graph) == ["raw_a__x", "core_a__y"]
    assert graph["raw_a__x"].sources == ("customs",)
    assert graph["core_a__y"].inputs == ("raw_a__x",)


def test_annotation_and_default_are_read():
    names = ("raw_a__x", "core_a__y", "core_a__z", "core_a__w")

    def core_a__w(raw_a__x):
        return raw_a__x

    node = build_graph([Stage("all", (raw_a__x, core_a__y, core_a__z, core_a__w))], _declare(*names))["core_a__z"]
    assert node.on_driver == {"core_a__y"}
    assert node.optional == {"core_a__w"}


def test_a_circle_is_an_error():
    names = ("raw_a__x", "core_a__y", "core_a__z", "core_a__w")
    with pytest.raises(GraphError, match="circle"):
        build_graph([Stage("all", (raw_a__x, core_a__y, core_a__z, core_a__w))], _declare(*names))


def test_an_unknown_input_is_an_error_that_names_the_nearest():
    with pytest.raises(GraphError, match=r"core_a__y reads raw_a__x.*nearest: core_a__y"):
        build_graph([Stage("all", (core_a__y,))], _declare("core_a__y"))


def test_a_function_without_a_declared_table_is_an_error():
    with pytest.raises(GraphError, match="makes no declared table"):
        build_graph([Stage("all", (raw_a__x,))], {})


def test_needed_takes_tables_and_stages():
    graph = build_graph(STAGES)
    assert needed(graph, ["raw_trade__comtrade"]) == ["raw_trade__comtrade"]
    assert set(needed(graph, ["core_trade__flows"])) == {"raw_trade__comtrade", "core_trade__flows"}
    assert "raw_customs__declarations" in needed(graph, ["panel"])


def test_tables_fed_by_no_input_are_left_out():
    graph = build_graph(STAGES)
    fed = fed_by(graph, ["raw_trade__comtrade", "core_trade__flows", "core_customs__labels"], {"comtrade", "customs"})
    assert fed == ["raw_trade__comtrade", "core_trade__flows"]


def test_a_table_made_of_others_and_of_what_comes_with_haiguan_is_built_along():
    graph = build_graph(STAGES)
    attributes, codes = "core_products__attributes", "core_products__codes"
    assert attributes in fed_by(graph, [*needed(graph, ["core_customs__annual_flows"]), attributes], {"customs"})
    assert fed_by(graph, ["raw_trade__comtrade", codes, attributes], {"comtrade"}) == ["raw_trade__comtrade"]


def test_every_section_is_a_frozen_model_that_forbids_strays():
    for name, model in sections(build_graph(STAGES)).items():
        assert model.model_config["frozen"], name
        assert model.model_config["extra"] == "forbid", name
