"""Chromium, driven by Playwright in a process of its own."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

# It needs nothing of the internet and asks nothing of it.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TABS = 100


class Chromium:
    """One browser, from ``with`` to its end.

    Args:
        folder: Where ``drive.mjs`` and its packages are.
        trusted: Digests of the only keys, beside those of public authorities, that it trusts.
    """

    def __init__(self, folder: Path, trusted: Sequence[str]) -> None:
        flags = [*_FLAGS, f"--ignore-certificate-errors-spki-list={','.join(trusted)}"]
        program = shutil.which("chromium")
        assert program is not None
        self._command = ["node", str(folder / "drive.mjs"), program, *flags]
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        home = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="chromium-"))
        environ = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home}
        self._process = self._stack.enter_context(
            subprocess.Popen(
                self._command,
                env=environ,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        return self

    def __exit__(self, *failure: object) -> None:
        # The end of its input is the end of the driver, which closes the browser.
        self._stack.close()

    @contextlib.contextmanager
    def tab(self, pictures: Path, **options: object) -> Iterator["Tab"]:
        """A tab of a browser that was never used; *options* are those of Playwright's contexts."""
        tab = Tab(self, self.ask("open", options=options), pictures)
        try:
            yield tab
        finally:
            self.ask("close", tab=tab.number)

    def ask(self, action: str, **details: object) -> object:
        """What the driver answers; AssertionError with its error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"action": action, **details}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "the driver is gone"}')
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["value"]


@dataclass
class Tab:
    """The newest page of a browser: a popup, while there is one.

    Attributes:
        number: Its number at the driver.
        pictures: Where screenshots go.
    """

    browser: Chromium
    number: object
    pictures: Path
    _taken: list[Path] = field(default_factory=list)

    def walk(self, *steps: Sequence[object] | str) -> object:
        """Where a way through Playwright's page leads: names, with arguments where it calls."""
        way = [[step] if isinstance(step, str) else step for step in steps]
        return self.browser.ask("walk", tab=self.number, steps=way)

    def open(self, url: str) -> None:
        self.walk(("goto", url))

    def serve(self, pattern: str, folder: Path) -> None:
        """Answer what is asked of such addresses from a folder: there is no CDN here."""
        self.browser.ask("serve", tab=self.number, pattern=pattern, folder=str(folder))

    def pages(self, count: int) -> None:
        """Wait until so many are open; the newest one is what all else is about."""
        self.browser.ask("pages", tab=self.number, count=count)

    def press(self, button: str) -> None:
        """Press the button whose label has this text."""
        self.walk(("getByRole", "button", {"name": button}), "click")

    def click(self, selector: str) -> None:
        self.walk(("locator", selector), ("click",))

    def fill(self, label: str, text: str) -> None:
        self.walk(("getByLabel", label), ("fill", text))

    def see(self, heading: str) -> None:
        """Wait for a page of that heading."""
        self.walk(("getByRole", "heading", {"name": heading}), ("waitFor",))

    def text(self, selector: str) -> str:
        """The text of an element, as soon as there is one with any."""
        return str(self.walk(("locator", f"{selector}:not(:empty)"), ("textContent",)))

    def evaluate(self, script: str) -> object:
        """The value of an expression on the page."""
        return self.walk(("evaluate", script))

    def key(self, name: str) -> None:
        """Press a key, wherever the focus is."""
        self.walk("keyboard", ("press", name))

    def type(self, text: str) -> None:
        """Type, wherever the focus is."""
        self.walk("keyboard", ("type", text))

    def tab_to(self, name: str) -> None:
        """Go with the tabulator to what has this label or text."""
        for _ in range(_TABS):
            self.key("Tab")
            if name in str(self.evaluate(_FOCUSED)):
                return
        raise AssertionError(f"The keyboard does not reach {name!r}.")

    def resize(self, width: int, height: int) -> None:
        self.walk(("setViewportSize", {"width": width, "height": height}))

    def picture(self, step: str) -> None:
        """Keep a screenshot of this step."""
        path = self.pictures / f"{len(self._taken):02}-{step.replace(' ', '-').lower()}.png"
        self._taken.append(path)
        self.walk(("screenshot", {"path": str(path), "fullPage": True}))

    @property
    def log(self) -> list[str]:
        """What its pages wrote to the console, and what went wrong in them."""
        lines = self.browser.ask("log", tab=self.number)
        assert isinstance(lines, list)
        return lines


_FOCUSED = """(() => {
  const at = document.activeElement;
  return [at.innerText, ...Array.from(at.labels ?? [], label => label.innerText)].join(" ");
})()"""
