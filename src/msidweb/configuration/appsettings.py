"""appsettings.json and appsettings.{environment}.json, found and read as .NET does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from msidweb.errors import Problem

from .jsonc import Pairs, parse
from .tree import DEEPEST, Layer, Node, Source

FILE_NAME = "appsettings.json"


@dataclass(frozen=True, slots=True)
class AppSettings:
    """The file, and the one that lies over it in the environment.

    Attributes:
        base: ``appsettings.json``.
        overlay: ``appsettings.Production.json``.
        required: Whether the base was named, so that it must exist.
    """

    base: Path
    overlay: Path
    required: bool = False

    @classmethod
    def named(cls, path: Path, environment: str) -> AppSettings:
        """The file at *path*, or the one in the directory *path*."""
        base = path / FILE_NAME if path.is_dir() else path
        return cls(base, overlay_of(base, environment), required=True)

    @classmethod
    def search(cls, start: Path, environment: str) -> AppSettings | None:
        """The file in *start*, else beside the nearest pyproject.toml above, no further."""
        for directory in (start, *_project(start)):
            base = directory / FILE_NAME
            overlay = overlay_of(base, environment)
            if base.is_file() or overlay.is_file():
                return cls(base, overlay)
        return None

    def read_into(self, root: Node, problems: list[Problem]) -> tuple[tuple[Path, ...], bool]:
        """The files that were there, their values put into *root*, and whether all were read."""
        layers = ((self.base, Layer.FILE), (self.overlay, Layer.ENVIRONMENT_FILE))
        there = tuple(path for path, _ in layers if path.is_file())
        is_lacking = self.required and self.base not in there
        if is_lacking:
            problems.append(Problem(str(self.base), "does not exist"))
        were_read = [_read(path, layer, root, problems) for path, layer in layers if path in there]
        return there, all(were_read) and not is_lacking


def overlay_of(base: Path, environment: str) -> Path:
    """The file that lies over *base* in *environment*."""
    return base.with_name(f"{base.stem}.{environment}{base.suffix}")


def _project(start: Path) -> Iterator[Path]:
    start = start.absolute()
    for directory in (start, *start.parents):
        if (directory / "pyproject.toml").is_file():
            yield directory
            return


def _read(path: Path, layer: Layer, root: Node, problems: list[Problem]) -> bool:
    try:
        data = path.read_bytes()
    except OSError as error:
        problems.append(Problem(str(path), "cannot be read", error.strerror))
        return False
    pairs = parse(data, name=path.name, problems=problems)
    if pairs is None:
        return False
    source = Source(layer, f"{path.name}: ")
    root.put_all(_unique(pairs, (), source, problems), source)
    return True


def _unique(
    value: object, path: tuple[str, ...], source: Source, problems: list[Problem]
) -> object:
    if len(path) > DEEPEST:
        problems.append(Problem(source.label + path[0], f"is deeper than {DEEPEST} keys"))
        return None
    if isinstance(value, list) and not isinstance(value, Pairs):
        return [_unique(item, (*path, str(i)), source, problems) for i, item in enumerate(value)]
    if not isinstance(value, Pairs):
        return str(value) if isinstance(value, bool) else value
    members: dict[str, object] = {}
    seen: dict[str, str] = {}
    for name, item in value:
        first = seen.setdefault(name.casefold(), name)
        place = (*path, name)
        if name in members or first != name:
            problems.append(
                Problem(source.label + ":".join(place), "is given twice", _spelling(first, name))
            )
            continue
        members[name] = _unique(item, place, source, problems)
    return members


def _spelling(first: str, second: str) -> str | None:
    return f"also as {first}; the case of keys does not count" if first != second else None
