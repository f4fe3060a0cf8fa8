"""The layers of configuration in one place: files, environment, and what the Azure SDKs say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import NoneType

from msidweb.errors import Problem
from msidweb.kinds import check_kind

from .appsettings import AppSettings
from .environment import (
    azure_sdk_values,
    environment_name,
    fill_assertion_files,
    read_environment,
)
from .spelling import nearest
from .tree import Node, fold

APPLICATION_SECTION = "AzureAd"
"""The section that the Azure SDK variables may complete."""


class Section:
    """A part of the configuration; empty when nothing gives it."""

    __slots__ = ("_environ", "node")

    def __init__(self, node: Node, *, environ: Mapping[str, str] | None = None) -> None:
        self.node = node
        self._environ = environ

    @property
    def path(self) -> str:
        """``DownstreamApis:GraphAPI``."""
        return ":".join(self.node.path)

    @property
    def name(self) -> str:
        """The last key of the path, as spelled in the file."""
        return self.node.name

    @property
    def children(self) -> list[Section]:
        """The parts below, in order."""
        return [Section(child) for child in self.node.children]

    def value(self, path: str = "") -> object:
        """The text, list or dictionary at *path*, or None."""
        return self.node.find(path).plain()

    def origin(self, path: str = "") -> str | None:
        """Where the value at *path* was given: ``appsettings.json: AzureAd:ClientId``."""
        return self.node.find(path).place

    def completion(self, given: Mapping[str, object]) -> Node:
        """What the Azure SDK variables add to the values *given* by field name."""
        return Node() if self._environ is None else azure_sdk_values(self._environ, given)

    def complete_credentials(self, given: Mapping[str, object]) -> None:
        """Put into the credentials *given* what the environment alone knows of them."""
        fill_assertion_files(self._environ or {}, given)

    def __bool__(self) -> bool:
        return next(self.node.leaves(), None) is not None

    def __repr__(self) -> str:
        return f"<Section {self.path!r}>"


class Configuration:
    """Values by path, in any case of the keys: files, over them the environment.

    Lists merge index by index across the layers, as in .NET.

    Attributes:
        environment: ``Production`` unless told.
        files: The files that were read.
        problems: What was wrong with them; the caller reports it with its own findings.
        is_whole: Whether all of them could be read; else what nothing gives may be in the others.
    """

    def __init__(
        self,
        root: Node,
        *,
        environ: Mapping[str, str],
        environment: str,
        files: tuple[Path, ...] = (),
        problems: tuple[Problem, ...] = (),
        is_whole: bool = True,
    ) -> None:
        self._root = root
        self._environ = environ
        self.environment = environment
        self.files = files
        self.problems = problems
        self.is_whole = is_whole

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        environment: str | None = None,
        search_from: Path | None = None,
    ) -> Configuration:
        """What appsettings.json, its overlay and the environment say.

        Args:
            path: The file or its directory; then it must exist. MSIDWEB_APPSETTINGS does the
                same. Else the file is sought in *search_from*, then beside the nearest
                pyproject.toml above it; none is no problem.
            environ: Instead of ``os.environ``.
            environment: Instead of what MSIDWEB_ENVIRONMENT, ASPNETCORE_ENVIRONMENT or
                DOTNET_ENVIRONMENT say.
            search_from: Instead of the working directory.

        Raises:
            InvalidCallError: An argument is of another kind.
        """
        check_kind("path", path, str, Path, NoneType)
        check_kind("environment", environment, str, NoneType)
        check_kind("search_from", search_from, Path, NoneType)
        variables = _variables(environ)
        environment = environment or environment_name(variables)
        problems: list[Problem] = []
        root = Node()
        if set(environment) & set("/\\\0:"):
            problems.append(Problem("environment name", "is no part of a file name"))
            wrong = tuple(problems)
            return cls(root, environ={}, environment=environment, problems=wrong, is_whole=False)
        named = path or variables.get("MSIDWEB_APPSETTINGS")
        settings = (
            AppSettings.named(Path(named), environment)
            if named
            else AppSettings.search(search_from or Path.cwd(), environment)
        )
        files, is_whole = settings.read_into(root, problems) if settings else ((), True)
        read_environment(variables, root)
        return cls(
            root,
            environ=variables,
            environment=environment,
            files=files,
            problems=tuple(problems),
            is_whole=is_whole,
        )

    @classmethod
    def of_environment(cls, *, environ: Mapping[str, str] | None = None) -> Configuration:
        """What the environment says alone; no file is looked for."""
        variables = _variables(environ)
        root = Node()
        read_environment(variables, root)
        return cls(root, environ=variables, environment=environment_name(variables))

    def section(self, path: str) -> Section:
        """The part at *path*, ``AzureAd`` or ``azure_ad:ClientCredentials``, in any case.

        Raises:
            InvalidCallError: *path* is no text.
        """
        node = self._root.find(path)
        completable = fold(path) == fold(APPLICATION_SECTION)
        return Section(node, environ=self._environ if completable else None)

    def value(self, path: str) -> object:
        """The text, list or dictionary at *path*, or None."""
        return self._root.find(path).plain()

    def origin(self, path: str) -> str | None:
        """Where the value at *path* was given, or None."""
        return self._root.find(path).place

    def missing(self, path: str) -> Problem:
        """That there is no section at *path*: with the nearest name, or what was read."""
        parent, _, name = path.rpartition(":")
        names = [child.name for child in self.section(parent).children]
        near = nearest(name, names)
        files = ", ".join(map(str, self.files)) or "no appsettings.json was found"
        hint = f"did you mean {near}?" if near else f"looked in the environment and {files}"
        return Problem(f"section {path!r}", "is not in the configuration", hint)

    def __repr__(self) -> str:
        names = ", ".join(path.name for path in self.files)
        return f"<Configuration {self.environment!r} files=[{names}]>"


def _variables(environ: Mapping[str, str] | None) -> dict[str, str]:
    if environ is None:
        return dict(os.environ)
    check_kind("environ", environ, Mapping)
    for text in (*environ, *environ.values()):
        check_kind("environ", text, str)
    return dict(environ)
