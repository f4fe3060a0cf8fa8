"""Configuration in the shape of an option model: fields by name, each value with its place."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo

from msidweb.errors import Problem

from .configuration import Section
from .model import Options
from .spelling import nearest
from .tree import Layer, Node, Source, fold, merged

Location: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One value that was read.

    Attributes:
        path: Its keys as spelled where it was given.
        place: Where that was.
        shown: The value as text; None when it may be a secret.
        used: Whether it has an effect.
    """

    path: str
    place: str
    shown: str | None
    used: bool = True


@dataclass(slots=True)
class Reading:
    """Input for the validation of one model.

    Attributes:
        values: By field name; never shown.
        places: Where each value was given, by pydantic's location.
        entries: Every single value, for explanations.
        problems: Unknown keys, and keys given twice.
        unread: Fields that nothing gives but a misspelled key.
    """

    values: dict[str, object] = field(default_factory=dict, repr=False)
    places: dict[Location, str] = field(default_factory=dict)
    entries: dict[Location, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: set[Location] = field(default_factory=set)

    def model(self, model: type[Options], node: Node, at: Location = ()) -> dict[str, object]:
        """The keys below *node* as the fields of *model*."""
        shape = shape_of(model)
        spellings: dict[str, list[Node]] = {}
        for child in node.children:
            name = shape.fields.get(fold(child.name))
            if name is not None:
                spellings.setdefault(name, []).append(child)
            else:
                self._other(shape, child, at)
        values: dict[str, object] = {}
        for name, nodes in spellings.items():
            info = model.model_fields[name]
            value = self.value(info, merged(nodes), (*at, name))
            if value is not None or _none_is_a_choice(info):
                values[name] = value
                self.unread.discard((*at, name))
        return values

    def value(self, info: FieldInfo, node: Node, at: Location) -> object:
        """What *node* holds, in the shape of a field."""
        return self._shaped(info.annotation, node, at, hidden=not info.repr)

    def forget(self, name: str) -> None:
        """Drops what was noted about a field whose value is replaced."""
        self.places = {at: place for at, place in self.places.items() if at[0] != name}
        self.entries = {at: entry for at, entry in self.entries.items() if at[0] != name}
        self.unread = {at for at in self.unread if at[:1] != (name,)}

    def _shaped(self, annotation: object, node: Node, at: Location, *, hidden: bool) -> object:
        core = _core(annotation)
        self.places[at] = node.place or ""
        if node.is_value or not _is_container(core):
            return self._single(core, node, at, hidden=hidden)
        if isinstance(core, type) and issubclass(core, Options):
            return self.model(core, node, at)
        item = get_args(core)[-1]
        if get_origin(core) is dict:
            return {
                child.name: self._shaped(item, child, (*at, child.name), hidden=hidden)
                for child in node.children
            }
        if not node.is_list:
            return node.plain()
        return [
            self._shaped(item, child, (*at, index), hidden=hidden)
            for index, child in enumerate(node.children)
        ]

    def _single(self, core: object, node: Node, at: Location, *, hidden: bool) -> object:
        value = node.plain()
        place = self.places[at]
        if node.leaf is not None and node.leaf.rival is not None:
            self.problems.append(Problem(place, "is given twice", f"also: {node.leaf.rival}"))
        secret = hidden or core in (SecretStr, Any) or isinstance(value, dict | BaseModel)
        shown = None if secret else "" if value is None else str(value)
        self.entries[at] = Entry(":".join(node.path), place, shown)
        return value

    def _other(self, shape: Shape, node: Node, at: Location) -> None:
        leaf = next(node.leaves())
        by_keyword = leaf.source.layer is Layer.KEYWORD
        place = node.place or node.name
        if fold(node.name) not in shape.ignored:
            near = shape.nearest(node.name)
            hint = None
            if near is not None:
                hint = f"did you mean {near if by_keyword else shape.aliases[near]}?"
                self.unread.add((*at, near))
            self.problems.append(Problem(place, "is unknown", hint))
        elif by_keyword:
            self.problems.append(Problem(place, "has no effect here"))
        else:
            entry = Entry(":".join(node.path), place, None, used=False)
            self.entries[(*at, node.name)] = entry


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys that a model takes.

    Attributes:
        fields: Field names by folded spelling.
        aliases: .NET's name of each field.
        ignored: Folded keys without effect.
    """

    fields: Mapping[str, str]
    aliases: Mapping[str, str]
    ignored: frozenset[str]

    def nearest(self, name: str) -> str | None:
        """The field whose spelling is most like *name*, or None."""
        near = nearest(fold(name), self.fields)
        return None if near is None else self.fields[near]


@functools.cache
def shape_of(model: type[Options]) -> Shape:
    """The keys that *model* takes."""
    fields = {
        fold(spelling): name
        for name, info in model.model_fields.items()
        for spelling in spellings_of(name, info)
    }
    aliases = {name: info.alias or name for name, info in model.model_fields.items()}
    return Shape(fields, aliases, frozenset(map(fold, model.ignored_keys)))


def spellings_of(name: str, info: FieldInfo) -> Iterator[str]:
    """The names under which a field is given."""
    yield name
    if info.alias is not None:
        yield info.alias
    choices = info.validation_alias
    for choice in choices.choices if isinstance(choices, AliasChoices) else (choices,):
        if isinstance(choice, str):
            yield choice


def read(
    model: type[Options],
    section: Section | Mapping[str, object],
    *,
    overrides: Mapping[str, object] | None = None,
    place: str,
    caller: str | None = None,
) -> Reading:
    """The values of *section* for *model*: keywords over it, what the Azure SDKs say below it."""
    reading = Reading()
    node = section.node if isinstance(section, Section) else _mapped(section, place)
    if node.is_value and node.leaf is not None and not node.leaf.blank:
        reading.problems.append(Problem(node.place or place, "must be an object"))
        reading.unread.add(())
    reading.values = reading.model(model, node)
    if overrides:
        _override(reading, model, overrides, f"{caller}: " if caller else "")
    if isinstance(section, Section) and "client_id" in model.model_fields:
        given = {name: value for name, value in reading.values.items() if not _blank(value)}
        reading.values |= reading.model(model, section.completion(given))
        section.complete_credentials(reading.values)
    return reading


def spell(model: type[Options], at: Location) -> list[str]:
    """A location in .NET's names: ``ClientCredentials``, ``0``, ``ClientSecret``."""
    names: list[str] = []
    core: object = model
    for step in at:
        if isinstance(core, type) and issubclass(core, Options) and step in core.model_fields:
            info = core.model_fields[str(step)]
            names.append(info.alias or str(step))
            core = _core(info.annotation)
        else:
            names.append(str(step))
            core = _core(get_args(core)[-1]) if _is_container(core) and get_args(core) else None
    return names


def _override(
    reading: Reading, model: type[Options], overrides: Mapping[str, object], caller: str
) -> None:
    node = Node()
    node.put_all(overrides, Source(Layer.KEYWORD, f"{caller}keyword "))
    above = Reading()
    above.values = above.model(model, node)
    for name, value in above.values.items():
        reading.forget(name)
        reading.values[name] = value
    reading.unread |= {at for at in above.unread if len(at) > 1 or at[0] not in reading.values}
    reading.places |= above.places
    reading.entries |= above.entries
    reading.problems += above.problems


def _mapped(values: Mapping[str, object], place: str) -> Node:
    node = Node()
    if values:
        node.put_all(values, Source(Layer.FILE, f"{place}:"))
    return node


def _core(annotation: object) -> object:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _core(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return _core(rest[0]) if len(rest) == 1 else object
    return annotation


def _is_container(core: object) -> bool:
    if get_origin(core) in (list, dict):
        return True
    return isinstance(core, type) and issubclass(core, Options)


def _none_is_a_choice(info: FieldInfo) -> bool:
    admits = type(None) in get_args(info.annotation)
    return admits and info.get_default(call_default_factory=False) is not None


def _blank(value: object) -> bool:
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, list | dict) and not value)
    )
