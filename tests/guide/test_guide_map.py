"""Every entry of the guide is mapped to a test that exists, or to the issue that will build it."""

import ast
import re
import textwrap
from functools import cache
from pathlib import Path

import pytest
from tests.guide.entries import ENTRIES

ROOT = Path(__file__).parents[2]
MAP = ROOT / "docs" / "guide-map.md"


def snippets() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", MAP.read_text(), flags=re.DOTALL | re.MULTILINE)


def mapped() -> dict[str, list[str]]:
    rows = re.findall(r"^\| (?!Entry|-)(.+?) \| (.+?) \|$", MAP.read_text(), flags=re.MULTILINE)
    return {name: re.findall(r"`(tests/[^`]+)`|(issue \d)", target) for name, target in rows}


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_of_the_guide_is_mapped(entry):
    targets = mapped().get(entry.name)
    assert targets, f"docs/guide-map.md does not say where {entry.name!r} is shown"
    for test, _ in targets:
        if test:
            path, _, function = test.partition("::")
            assert function in functions_of(path), f"{entry.name}: there is no {test}"


def test_the_map_names_no_entry_that_the_guide_has_not():
    assert set(mapped()) == {entry.name for entry in ENTRIES}


@pytest.mark.parametrize("snippet", snippets(), ids=lambda snippet: snippet.splitlines()[0])
def test_every_snippet_of_the_map_is_python(snippet):
    inside = "async def endpoint():\n" + textwrap.indent(snippet, "    ")

    compile(inside, "guide-map.md", "exec", dont_inherit=True)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_code_block_of_the_guide_is_explained_below_the_table(entry):
    _, _, text = MAP.read_text().partition("## Overview and prerequisites")

    assert entry.block is None or f"[{entry.block}]" in text
