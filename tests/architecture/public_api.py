"""The public API as text, a line for each name; read from the source, so the same on any Python.

Public is what ``__all__`` of a folder names, and what the reference lists.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import griffe
from tests.documentation.pages import ROOT, listed_in_reference

SOURCE = ROOT / "src" / "msidweb"
SNAPSHOT = Path(__file__).with_name("public_api.txt")
_SHOWN_SPECIAL = {"__init__", "__call__"}


@cache
def package() -> griffe.Object:
    """The whole package, parsed."""
    found = griffe.load("msidweb", search_paths=[str(SOURCE.parent)], try_relative_path=False)
    assert isinstance(found, griffe.Object)
    return found


def exported() -> Iterator[str]:
    """What the folders offer, by the name that a user writes."""
    yield from (f"msidweb.{name}" for name in package().exports or ())
    for module in package().modules.values():
        yield from (f"{module.path}.{name}" for name in module.exports or ())


def listed() -> Iterator[str]:
    """What the reference lists; of a listed module, what is defined in it."""
    for name in listed_in_reference():
        found = of_path(name)
        if not found.is_module:
            yield name
            continue
        own = (one for one in found.members.values() if not one.is_alias)
        yield from (one.path for one in own if one.is_public)


def of_path(path: str) -> griffe.Object:
    found = package()[path.removeprefix("msidweb.")] if path != "msidweb" else package()
    return found.final_target if isinstance(found, griffe.Alias) else found


def public_api() -> str:
    """All of it, sorted."""
    names: dict[str, list[str]] = {}
    offered = set(exported())
    for path in sorted({*offered, *listed()}, key=lambda path: (path.count("."), path)):
        names.setdefault(of_path(path).path, []).append(path)
    lines = [f"error code {code!r}" for code in error_codes()]
    for target, (shown, *others) in names.items():
        lines += _lines(shown, of_path(target), frozenset(names))
        lines += [f"{other} is {shown}" for other in others if other in offered]
    return "\n".join(sorted(lines)) + "\n"


def error_codes() -> set[str]:
    """Every ``code`` that an error of ours can have."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        if "testing" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                found |= _codes(node)
    return found


def _codes(node: ast.AST) -> set[str]:
    if isinstance(node, ast.keyword) and node.arg == "code":
        texts = (one for one in ast.walk(node.value) if isinstance(one, ast.Constant))
        return {one.value for one in texts if isinstance(one.value, str)}
    if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
        return set().union(*map(_code_of_class, node.body))
    return set()


def _code_of_class(line: ast.stmt) -> set[str]:
    match line:
        case ast.Assign(targets=[ast.Name("code")], value=ast.Constant(str() as code)):
            return {code}
        case ast.AnnAssign(target=ast.Name("code"), value=ast.Constant(str() as code)):
            return {code}
    return set()


def _lines(name: str, thing: griffe.Object, public: frozenset[str]) -> Iterator[str]:
    match thing:
        case griffe.Class():
            bases = ", ".join(map(str, thing.bases))
            yield f"{name}: class({bases})"
            for member in _members(thing, public):
                yield from _lines(f"{name}.{member.name}", member, public)
        case griffe.Function():
            word = "async " if "async" in thing.labels else ""
            for function in thing.overloads or [thing]:
                yield f"{name}: {word}{_signature(function)}"
        case griffe.Attribute():
            kind = "" if thing.annotation is None else f": {thing.annotation}"
            yield f"{name}{kind}{_value(thing)}"


def _members(thing: griffe.Class, public: frozenset[str]) -> Iterator[griffe.Object]:
    """Its own, and what it inherits from a class that is not public itself."""
    for member in thing.all_members.values():
        found = member.final_target if isinstance(member, griffe.Alias) else member
        own = found.parent is thing or getattr(found.parent, "path", "") not in public
        if own and (found.name in _SHOWN_SPECIAL or not found.name.startswith("_")):
            yield found


def _signature(function: griffe.Function) -> str:
    return " ".join(function.signature().removeprefix(function.name).split())


def _value(thing: griffe.Attribute) -> str:
    """The default of an option or a field; what ``__init__`` assigns is no default."""
    in_class = "class-attribute" in thing.labels or "module-attribute" in thing.labels
    if not in_class or thing.value is None:
        return ""
    return " = " + " ".join(str(thing.value).split())


if __name__ == "__main__":
    SNAPSHOT.write_text(public_api())
