"""A browser without a screen: cookies, redirects, forms, and what an eye would look for."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx


@dataclass(slots=True)
class Form:
    """A form: its fields as they stand, and its buttons by their label."""

    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Element:
    tag: str
    attributes: dict[str, str | None]


class Page(HTMLParser):
    """A page, read."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.response = response
        self.forms: list[Form] = []
        self.elements: list[Element] = []
        self.texts: dict[str, str] = {}
        self._open: list[str] = []
        self._button: tuple[str, str] | None = None
        self._label = ""
        self.feed(response.text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append(Element(tag, attributes))
        if tag not in {"meta", "input", "br"}:
            self._open.append(tag)
        if tag == "form":
            self.forms.append(Form(attributes["action"], attributes["method"]))
        elif tag == "input" and attributes.get("type") != "checkbox":
            self.forms[-1].fields[attributes["name"]] = attributes.get("value") or ""
        elif tag == "button":
            self._button = (attributes.get("name", ""), attributes.get("value", ""))
            self._label = ""

    def handle_data(self, data):
        if self._open:
            self.texts[self._open[-1]] = self.texts.get(self._open[-1], "") + data
        self._label += data

    def handle_endtag(self, tag):
        self._open.pop()
        if tag == "button":
            self.forms[-1].buttons[" ".join(self._label.split())] = self._button

    @property
    def title(self) -> str:
        return self.texts["h1"].strip()

    @property
    def buttons(self) -> list[str]:
        return [label for form in self.forms for label in form.buttons]

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]


class Browser:
    """Follows redirects as long as they stay at the emulator."""

    def __init__(self, client: httpx.AsyncClient, base_url: str) -> None:
        self.client = client
        self.base_url = base_url
        self.landed: httpx.URL | None = None

    async def open(self, url: str, **fields: str) -> Page:
        """Go to an address."""
        return await self._follow(await self.client.get(url, params=fields or None))

    async def press(self, page: Page, button: str, **fields: str) -> Page:
        """Press the button whose label begins so, its form filled in."""
        form, (name, value) = next(
            (form, pressed)
            for form in page.forms
            for label, pressed in form.buttons.items()
            if label.startswith(button)
        )
        sent = {**form.fields, **fields, **({name: value} if name else {})}
        url = urljoin(str(page.response.url), form.action)
        return await self._follow(await self.client.post(url, data=sent))

    @property
    def answer(self) -> dict[str, str]:
        """The parameters that the client got, in the query or the fragment."""
        assert self.landed is not None, "still at the emulator"
        parts = urlsplit(str(self.landed))
        return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}

    async def _follow(self, response: httpx.Response) -> Page:
        self.landed = None
        while response.is_redirect:
            target = response.url.join(response.headers["location"])
            if not str(target).startswith(self.base_url):
                self.landed = target
                break
            response = await self.client.get(target)
        return Page(response)
