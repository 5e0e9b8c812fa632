"""Settings that are told apart by the key they carry (`{log: value_usd}`, `{all: [...]}`), read by pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, ValidationError

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name

UNKNOWN_KEY, NEEDS_ONE_OF, SEPARATOR = "unknown_key", "needs one of the keys ", ", "


class Settings(BaseModel):
    """A section of settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def by_key(*keys: str) -> Discriminator:
    """Chooses the member of a tagged union by the first of `keys` that the value carries."""

    def tag(value: Any) -> str | None:
        """The first of the keys that a mapping, or a model made before, carries."""
        carried = value if isinstance(value, Mapping) else getattr(value, "model_fields_set", ())
        return next((key for key in keys if key in carried or f"{key}_" in carried), None)

    return Discriminator(
        tag,
        custom_error_type=UNKNOWN_KEY,
        custom_error_message=NEEDS_ONE_OF + SEPARATOR.join(keys),
    )


def models_by_tag(union: Any) -> dict[str, type[BaseModel]]:
    """The members of a tagged union by their tags."""
    members = (get_args(member) for member in get_args(get_args(union)[0]))
    return {tag.tag: model for model, tag in members}


def input_error(error: ValidationError, where: str, known: Mapping[str, type[BaseModel]]) -> InputError:
    """The faults of a validation, one sentence each, with the nearest key where an unknown one was found.

    Args:
        error: what pydantic raised.
        where: the file or section that was read.
        known: models by the part of the path that leads to them ("" for the root), for the names of their keys.
    """
    faults = error.errors()
    # A list that holds a faulty item is also reported as too short: only the item is worth a sentence.
    inner = {fault["loc"][:depth] for fault in faults for depth in range(1, len(fault["loc"]))}
    return InputError(*dict.fromkeys(f"{where}: {_fault(f, known)}" for f in faults if f["loc"] not in inner))


def _fault(fault: Any, known: Mapping[str, type[BaseModel]]) -> str:
    path = [str(part) for part in fault["loc"]]
    if fault["type"] != "extra_forbidden":
        found = "" if fault["type"] == "missing" else f" (found {fault['input']!r})"
        return f"{'.'.join(path)}: {fault['msg'][:1].lower()}{fault['msg'][1:]}{found}{_nearest(fault)}"
    section = next((part for part in reversed(path[:-1]) if part in known), "")
    names = [info.alias or name for name, info in known[section].model_fields.items()]
    place = f"{'.'.join(path[:-1])}: " if path[:-1] else ""
    return place + unknown_name("key", path[-1], names)


def _nearest(fault: Any) -> str:
    """The key that was meant, where a mapping carries none of those that tell it apart but one that is near."""
    if fault["type"] != UNKNOWN_KEY or not isinstance(fault["input"], Mapping):
        return ""
    keys = fault["msg"].removeprefix(NEEDS_ONE_OF).split(SEPARATOR)
    near = [match for key in fault["input"] for match in get_close_matches(str(key), keys, n=1, cutoff=0.6)]
    return f"; did you mean {near[0]!r}?" if near else ""
