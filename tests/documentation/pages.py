"""The code blocks of a documentation page: compiled, run in order, or written to files."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>run|not run: [^>]+) -->\n)?"
    r"```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n"
    r"(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes:
        place: Page and line of its first line, for tracebacks.
        language: ``python``, ``console`` …
        title: Name of the file that the reader saves it as, or None.
        mark: ``run``, or ``not run:`` and why, where a comment before it says so; else None.
        code: What it holds.
    """

    place: str
    language: str
    title: str | None
    mark: str | None
    code: str

    async def run(self, names: dict[str, object]) -> None:
        """Run it with *names*, and add what it defines."""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        made = eval(compile(self.code, self.place, "exec", flags=flags), names)  # noqa: S307 - our own pages
        if inspect.isawaitable(made):
            await made


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the documentation."""

    name: str
    text: str

    @classmethod
    def of(cls, name: str) -> "Page":
        return cls(name, (DOCS / f"{name}.md").read_text())

    @property
    def blocks(self) -> list[Block]:
        return list(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        for match in _BLOCK.finditer(self.text):
            line = self.text.count("\n", 0, match.start("code"))
            yield Block(
                f"{self.name}.md:{line + 1}",
                match["language"],
                match["title"],
                match["mark"],
                "\n" * line + match["code"],
            )

    def of_language(self, language: str) -> list[Block]:
        return [block for block in self.blocks if block.language == language]

    async def run(self, translate: Callable[[str], str] = str) -> dict[str, object]:
        """Run the marked blocks one after the other; what they defined."""
        names: dict[str, object] = {"__name__": self.name.rpartition("/")[2]}
        for block in self.blocks:
            if block.mark == "run":
                await replace(block, code=translate(block.code)).run(names)
        return names

    def save(self, folder: Path) -> None:
        """Write the titled blocks as the reader does."""
        for block in self.blocks:
            if block.title is not None:
                (folder / block.title).write_text(block.code.lstrip("\n"))


def pages() -> list[Page]:
    """Every page, and the README as the one called ``../README``."""
    names = sorted(path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md"))
    return [Page.of(str(name)) for name in (*names, Path("../README"))]


def listed_in_reference() -> list[str]:
    """The names of which the reference shows the docstrings."""
    texts = [page.text for page in pages() if page.name.startswith("reference/")]
    return re.findall(r"^::: (\S+)", "\n".join(texts), flags=re.MULTILINE)


def rows(text: str, heading: str) -> list[Mapping[str, str]]:
    """The table that follows *heading*, one mapping a row."""
    table = re.search(r"(?:^\|.*\n)+", text.partition(heading)[2], re.MULTILINE)
    assert table, heading
    names, _, *lines = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in table.group().splitlines()
    ]
    return [dict(zip(names, line, strict=True)) for line in lines]
