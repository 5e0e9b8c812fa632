"""The graph of tables, read from the signatures of the functions that make them."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import pandas as pd
from pydantic import BaseModel

from haiguan.transforms.schema import TABLES, Table, quarantine_of

FILES = "files_"


@dataclass(frozen=True)
class Stage:
    """A job: the tables that it publishes.

    Attributes:
        name: what `--to` and the progress call it.
        publishes: the functions that make its tables, each named after its table.
    """

    name: str
    publishes: tuple[Callable, ...]


@dataclass(frozen=True)
class Node:
    """One table of the graph.

    Attributes:
        table: its declaration.
        stage: the stage that publishes it.
        function: makes it.
        parameters: its positional parameters, in order.
        inputs: those that are tables.
        sources: sources whose files it reads.
        optional: those of `inputs` it can do without.
        on_driver: those of `inputs` that it reads as pandas frames.
        sections: name -> model of the settings it reads.
        quarantine: the table of the records it rejects, where one is declared.
    """

    table: Table
    stage: str
    function: Callable
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    sources: tuple[str, ...]
    optional: frozenset[str]
    on_driver: frozenset[str]
    sections: Mapping[str, type[BaseModel]]
    quarantine: Table | None

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name


class GraphError(TypeError):
    """The functions do not make a graph: a fault of ours, found at start."""


def build_graph(stages: Iterable[Stage], tables: Mapping[str, Table] = TABLES) -> dict[str, Node]:
    """Table name -> node, in an order in which every table comes after those it reads.

    Raises:
        GraphError: a cycle, an input that nothing makes, a function without a declared table.
    """
    nodes = {node.name: node for stage in stages for node in _nodes(stage, tables)}
    for node in nodes.values():
        for name in node.inputs:
            if name not in nodes:
                near = difflib.get_close_matches(name, nodes, n=1, cutoff=0.0)
                raise GraphError(f"{node.name} reads {name}, which no stage publishes; nearest: {', '.join(near)}")
    try:
        order = list(TopologicalSorter({name: nodes[name].inputs for name in nodes}).static_order())
    except CycleError as error:
        raise GraphError(f"tables read each other in a circle: {' -> '.join(error.args[1])}") from None
    return {name: nodes[name] for name in order}


def _nodes(stage: Stage, tables: Mapping[str, Table]) -> list[Node]:
    return [_node(function, stage.name, tables) for function in stage.publishes]


def _node(function: Callable, stage: str, tables: Mapping[str, Table]) -> Node:
    name = function.__name__
    if name not in tables:
        raise GraphError(f"{function.__module__}.{name} makes no declared table; declare it in transforms/schema")
    parameters = inspect.signature(function).parameters.values()
    annotations = typing.get_type_hints(function)
    positional = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    inputs = [p for p in positional if not p.name.startswith(FILES)]
    return Node(
        table=tables[name],
        stage=stage,
        function=function,
        parameters=tuple(p.name for p in positional),
        inputs=tuple(p.name for p in inputs),
        sources=tuple(p.name.removeprefix(FILES) for p in positional if p.name.startswith(FILES)),
        optional=frozenset(p.name for p in inputs if p.default is None),
        on_driver=frozenset(p.name for p in inputs if _is_pandas(annotations.get(p.name))),
        sections={p.name: annotations[p.name] for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY},
        quarantine=tables.get(quarantine_of(name)),
    )


def _is_pandas(annotation: object) -> bool:
    return annotation is pd.DataFrame or pd.DataFrame in typing.get_args(annotation)


def sections(graph: Mapping[str, Node]) -> dict[str, type[BaseModel]]:
    """Every section of the settings that some table reads."""
    return {name: model for node in graph.values() for name, model in node.sections.items()}


def needed(graph: Mapping[str, Node], targets: Iterable[str]) -> list[str]:
    """The tables among `graph` that the targets (tables or stages) need, themselves included, in order.

    Raises:
        KeyError: a target is neither a table nor a stage.
    """
    wanted: set[str] = set()
    waiting = [name for target in targets for name in _tables_of(graph, target)]
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += graph[name].inputs
    return [name for name in graph if name in wanted]


def fed_by(graph: Mapping[str, Node], tables: Iterable[str], inputs: set[str]) -> list[str]:
    """Those of the tables that hold something of an input of the user's, and those that they need; in order.

    A table that is made of these alone and of what comes with haiguan is built along.
    """
    among = set(tables)
    fed: set[str] = set()
    for name in graph:
        if name in among and (set(graph[name].sources) & inputs or set(graph[name].inputs) & fed):
            fed.add(name)
    built = {name for name in needed(graph, fed) if name in among}
    along = {name for name in among if graph[name].inputs and set(graph[name].inputs) <= built}
    return [name for name in graph if name in built | along]


def _tables_of(graph: Mapping[str, Node], target: str) -> list[str]:
    of_stage = [name for name, node in graph.items() if node.stage == target]
    if not of_stage and target not in graph:
        raise KeyError(target)
    return of_stage or [target]
