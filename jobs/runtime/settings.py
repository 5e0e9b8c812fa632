"""Settings: one YAML file over another, single keys over both, checked as a whole before anything runs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, create_model

from haiguan.jobs.runtime.session import SparkSettings
from haiguan.transforms.errors import InputError

_SECRET = re.compile(r"password|secret|token|credential|account\.key|access\.key", re.IGNORECASE)

Paths = str | list[str] | None


class InputSettings(BaseModel):
    """Where each source lies: a file, a folder or a glob, or a list of those; null where there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    customs: Paths
    comtrade: Paths
    hs_tables: Paths
    hs8_changes: Paths
    high_tech: Paths
    places: Paths
    exchange_rates: Paths
    national: Paths


class RunSettings(BaseModel):
    """Which files are read and how, how much is built at once, and the studies to reproduce."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    years: tuple[int, int]
    batch_records: int
    layouts: str | None
    scratch: str | None
    editions: dict[int, str]
    studies: tuple[str, ...]


class GateSettings(BaseModel):
    """When a gate stops a run, and what it shows of the failing rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    quarantined_share: float
    key_sample_above: int
    failing_rows: int
    show_identifiers: bool


class Settings(BaseModel):
    """Every setting of a run; the sections that tables read are added from the graph."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    lake: str
    reports: str
    inputs: InputSettings
    run: RunSettings
    gates: GateSettings
    spark: SparkSettings


def settings_model(sections: Mapping[str, type[BaseModel]]) -> type[Settings]:
    """The model of all settings: the runtime's own and one field for each section that a table's function names."""
    fields: dict[str, Any] = {name: (model, ...) for name, model in sorted(sections.items())}
    return create_model("AllSettings", __base__=Settings, **fields)


def load_settings(
    model: type[Settings], conf: Path | None = None, assignments: Sequence[str] = (), base: str | None = None
) -> Settings:
    """The settings of conf/base.yaml, overridden by those of `conf`, overridden by `KEY=VALUE` assignments.

    Args:
        model: of all settings.
        conf: a YAML file with some of the keys of base.yaml.
        assignments: such as `inputs.customs=archive/`; the value is read as YAML.
        base: text of the base file, where it is not the packaged one.

    Raises:
        InputError: naming every unknown key, wrong type and missing value, where it stands and the nearest valid name.
    """
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    text = base if base is not None else files("haiguan.conf").joinpath("base.yaml").read_text(encoding="utf-8")
    for name, tree in _layers(text, conf, assignments):
        _merge(merged, tree, origin, name)
    try:
        return model.model_validate(merged)
    except ValidationError as error:
        faults = [_sentence(fault, origin, model) for fault in error.errors()]
        raise InputError(*dict.fromkeys(faults)) from None


def _layers(base: str, conf: Path | None, assignments: Sequence[str]) -> Iterator[tuple[str, dict]]:
    yield "conf/base.yaml", _parse(base, "conf/base.yaml")
    if conf is not None:
        if not conf.is_file():
            raise InputError(f"{conf}: no such settings file; --conf takes a YAML file such as conf/demo.yaml")
        yield str(conf), _parse(conf.read_text(encoding="utf-8"), str(conf))
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise InputError(f"--set {assignment}: no '='; write --set {assignment}=VALUE")
        tree: Any = _parse_value(value, assignment)
        for part in reversed(key.split(".")):
            tree = {part: tree}
        yield f"--set {assignment}", tree


def _parse(text: str, name: str) -> dict:
    try:
        tree = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise InputError(f"{name}{line}: not valid YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(tree, dict):
        raise InputError(f"{name}: settings are keys with values, such as `lake: build/lake`; this file holds none")
    return tree


def _parse_value(value: str, assignment: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"--set {assignment}: the value is not valid YAML; put it in quotes") from None


def _merge(target: dict, tree: Mapping, origin: dict[str, str], name: str, prefix: str = "") -> None:
    for key, value in tree.items():
        path = f"{prefix}{key}"
        origin[path] = name
        if isinstance(value, Mapping) and isinstance(target.get(key), dict):
            _merge(target[key], value, origin, name, f"{path}.")
        else:
            target[key] = dict(value) if isinstance(value, Mapping) else value


def _sentence(fault: Any, origin: Mapping[str, str], model: type[BaseModel]) -> str:
    location = [str(part) for part in fault["loc"] if not str(part).startswith(("str", "list["))]
    key = ".".join(location)
    where = next((origin[k] for k in _prefixes(location) if k in origin), "conf/base.yaml")
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, valid_keys(model), n=1, cutoff=0.0)
        return f"{where}: unknown setting `{key}`; the nearest valid name is `{near[0]}`"
    if fault["type"] == "missing":
        return f"{where}: setting `{key}` is missing; conf/base.yaml has its default and what it means"
    return f"{where}: setting `{key}`: {fault['msg'][0].lower()}{fault['msg'][1:]}, but it is {_shown(key, fault)}"


def _shown(key: str, fault: Any) -> str:
    return "hidden" if _SECRET.search(key) else repr(fault["input"])


def _prefixes(location: Sequence[str]) -> list[str]:
    return [".".join(location[:length]) for length in range(len(location), 0, -1)]


def valid_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every key that the model takes, dotted, sections before their fields."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(f"{prefix}{name}")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += valid_keys(field.annotation, f"{prefix}{name}.")
    return keys


def printable(settings: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """The settings as plain data for the manifest and the screen, secrets replaced by asterisks."""
    tree = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else dict(settings)
    return {key: _masked(key, value) for key, value in tree.items()}


def _masked(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _masked(name, below) for name, below in value.items()}
    hidden = isinstance(value, SecretStr) or (_SECRET.search(key) and value not in (None, ""))
    return "********" if hidden else value
