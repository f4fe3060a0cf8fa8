"""Configuration values in a tree, merged key by key as .NET does, each with its origin."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from msidweb.kinds import check_kind

Path: TypeAlias = tuple[str, ...]

DEEPEST = 64
"""Keys above one another at most, as in .NET's JSON reader."""


class Layer(enum.IntEnum):
    """Who gave a value; the higher one wins."""

    AZURE_SDK = 0
    FILE = 1
    ENVIRONMENT_FILE = 2
    ENVIRONMENT = 3
    KEYWORD = 4


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from, and how a value's place is written.

    Attributes:
        layer: Its rank.
        label: ``appsettings.json: ``, ``keyword ``, ``environment variable AzureAd__ClientId``.
        keyed: Whether the key follows the label.
    """

    layer: Layer
    label: str
    keyed: bool = True


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value as it was given.

    Attributes:
        value: The value; never shown.
        source: Who gave it.
        path: Its keys as spelled there.
        rival: Place of a second value with the same rank, or None.
    """

    value: object = field(repr=False)
    source: Source
    path: Path
    rival: str | None = None

    def place(self, depth: int | None = None) -> str:
        """Where the value was given, or where its ancestor of *depth* keys was."""
        if not self.source.keyed:
            return self.source.label
        return self.source.label + ":".join(self.path[:depth])

    @property
    def blank(self) -> bool:
        """Whether the value says nothing: null, empty text, empty list."""
        return self.value is None or (isinstance(self.value, str | list | dict) and not self.value)


class Node:
    """A key with the value and the keys below it; keys are found in any case."""

    __slots__ = ("_children", "leaf", "path")

    def __init__(self, path: Path = ()) -> None:
        self.path = path
        self.leaf: Leaf | None = None
        self._children: dict[str, Node] = {}

    @property
    def name(self) -> str:
        """The last key, as the lowest layer spells it."""
        return self.path[-1] if self.path else ""

    @property
    def children(self) -> list[Node]:
        """The keys below: indexes by number, then names in the order of their first mention."""
        return sorted(self._children.values(), key=_index_first)

    def put(self, leaf: Leaf) -> None:
        """Sets the value at the leaf's path, unless a higher layer has set it."""
        node = self
        for key in leaf.path[len(self.path) :]:
            node = node._children.setdefault(key.casefold(), Node((*node.path, key)))
        node.leaf = leaf if node.leaf is None else _stronger(node.leaf, leaf)

    def put_all(self, value: object, source: Source, path: Path = ()) -> None:
        """Sets every value inside *value*, which came from *source*."""
        below: Iterable[tuple[object, object]] = ()
        if isinstance(value, Mapping):
            below = value.items()
        elif isinstance(value, list | tuple):
            below = enumerate(value)
        if not below or not value:
            self.put(Leaf(value, source, (*self.path, *path)))
            return
        for key, item in below:
            self.put_all(item, source, (*path, *_keys(key, source)))

    def leaves(self) -> Iterator[Leaf]:
        """Every value at and below this key."""
        if self.leaf is not None:
            yield self.leaf
        for child in self.children:
            yield from child.leaves()

    def find(self, path: str) -> Node:
        """The key at *path*, ``AzureAd:ClientId``; underscores do not count; empty if missing.

        Raises:
            InvalidCallError: *path* is no text.
        """
        check_kind("the path of a section", path, str)
        node = self
        for key in path.split(":") if path else ():
            alike = [child for child in node.children if fold(child.name) == fold(key)]
            node = merged(alike) if alike else Node((*node.path, key))
        return node

    @property
    def is_value(self) -> bool:
        """Whether the value counts and not the keys below it.

        In .NET the keys always count; here a text of a higher layer replaces them.
        """
        if self.leaf is None or not self._children:
            return not self._children
        below = max(leaf.source.layer for child in self.children for leaf in child.leaves())
        return not self.leaf.blank and self.leaf.source.layer > below

    @property
    def is_list(self) -> bool:
        """Whether every key below is an index."""
        return bool(self._children) and all(map(_index, self.children))

    @property
    def place(self) -> str | None:
        """Where this key was given, or None when it was not."""
        leaf = next(self.leaves(), None)
        return None if leaf is None else leaf.place(len(self.path))

    def plain(self) -> object:
        """The value, or the keys below as lists and dictionaries."""
        if self.is_value:
            return None if self.leaf is None else self.leaf.value
        if self.is_list:
            return [child.plain() for child in self.children]
        return {child.name: child.plain() for child in self.children}


def fold(name: str) -> str:
    """*name* without case and underscores: ``client_id`` and ``ClientId`` are one field."""
    return name.replace("_", "").casefold()


def merged(nodes: Sequence[Node]) -> Node:
    """One key made of several spellings of it, the value of the highest layer winning."""
    if len(nodes) == 1:
        return nodes[0]
    whole = Node(nodes[0].path)
    for node in nodes:
        for leaf in node.leaves():
            whole.put(leaf)
    return whole


def _stronger(first: Leaf, second: Leaf) -> Leaf:
    if first.source.layer == second.source.layer:
        return replace(first, rival=second.place())
    return max(first, second, key=lambda leaf: leaf.source.layer)


def _keys(key: object, source: Source) -> Sequence[str]:
    # In a file a colon divides keys, as in .NET; a Python mapping's keys are what they are.
    return (str(key),) if source.layer is Layer.KEYWORD else str(key).split(":")


def _index(node: Node) -> bool:
    return node.name.isascii() and node.name.isdecimal()


def _index_first(node: Node) -> tuple[bool, int]:
    return (False, int(node.name)) if _index(node) else (True, 0)
