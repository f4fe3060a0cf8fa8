"""The reference lists what the package offers, and every page is reached from the first one."""

import dataclasses
import importlib
import inspect
import logging
import pkgutil
from types import ModuleType

import pytest
from tests.documentation.pages import ROOT, Page, listed_in_reference, pages, rows

import msidweb
from msidweb.integrations.fastapi import EntraAuth, OptionalAuth
from msidweb.integrations.long_lived import still_valid, until_expiry, while_valid
from msidweb.integrations.starlette import EntraBackend, EntraGuard, EntraMiddleware
from msidweb.telemetry import CallerEvent, events

EVENTS = Page.of("reference/telemetry")
PAGES = [page for page in pages() if not page.name.startswith("..")]


def found(name: str) -> object:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


LISTED = [found(name) for name in listed_in_reference()]
MODULES = {entry.__name__ for entry in LISTED if isinstance(entry, ModuleType)}


def is_listed(thing: object) -> bool:
    return thing in LISTED or getattr(thing, "__module__", None) in MODULES


FOLDERS = [info.name for info in pkgutil.iter_modules(msidweb.__path__, "msidweb.") if info.ispkg]


@pytest.mark.parametrize("folder", ["msidweb", *FOLDERS])
def test_the_reference_lists_what_is_offered(folder):
    module = importlib.import_module(folder)

    offered = getattr(module, "__all__", [])
    assert [name for name in offered if not is_listed(getattr(module, name))] == []


@pytest.mark.parametrize(
    "thing",
    [
        EntraAuth,
        OptionalAuth,
        still_valid,
        until_expiry,
        while_valid,
        EntraMiddleware,
        EntraGuard,
        EntraBackend,
    ],
)
def test_the_reference_lists_what_the_adapters_offer(thing):
    assert is_listed(thing)


def test_every_folder_says_what_it_offers():
    silent = [name for name in FOLDERS if not hasattr(importlib.import_module(name), "__all__")]

    assert silent == ["msidweb.cli", "msidweb.integrations"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_reached_from_the_first_one_and_the_menu(page):
    start, menu = Page.of("index").text, (ROOT / "mkdocs.yml").read_text()

    assert page.name == "index" or f"({page.name}.md)" in start
    assert f" {page.name}.md\n" in menu


def test_the_reference_lists_every_event_with_its_fields():
    kinds = {
        name: kind
        for name, kind in inspect.getmembers(events, inspect.isclass)
        if hasattr(kind, "name")
    }
    common = {field.name for field in dataclasses.fields(CallerEvent)}

    assert {row["Event"].strip("`"): row for row in rows(EVENTS.text, "## All events")} == {
        name: {
            "Event": f"`{name}`",
            "Name": f"`{kind.name}`",
            "Logger": f"`msidweb.{kind.layer}`",
            "Level": logging.getLevelName(kind.level),
            "Own fields": ", ".join(
                f"`{field.name}`" for field in dataclasses.fields(kind) if field.name not in common
            ),
            "Names the caller": "yes" if issubclass(kind, CallerEvent) else "no",
        }
        for name, kind in kinds.items()
    }
