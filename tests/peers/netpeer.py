"""The real Microsoft.Identity.Web as a process: a web API of a few routes on .NET."""

import contextlib
import hashlib
import os
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx
from tests.support.installing import made_once

from msidweb.testing import App, EntraEmulator, LocalServer

_PATIENCE = 120
_PROGRAM = "netpeer"


class NetPeer:
    """One process, from ``with`` to its end; what it writes goes to a file.

    Args:
        program: The executable.
        app: Whose client id and secret it has.
        entra: The emulator.
        login: Where the emulator is served, by a certificate that names the public cloud's hosts.
        options: More of its options, underscores for hyphens.

    Attributes:
        http: A client of it.
    """

    def __init__(
        self,
        program: Path,
        app: App,
        *,
        entra: EntraEmulator,
        login: LocalServer,
        **options: str,
    ) -> None:
        dialled = login.base_url.removeprefix("https://").replace("localhost", "127.0.0.1")
        given = {
            "urls": "http://127.0.0.1:0",
            "tenant": entra.tenant.id,
            "client_id": app.client_id,
            "connect": dialled,
            "ca": login.ca_file,
            "log": "Information",
        }
        if "certificate" not in options:
            given["secret"] = app.client_secret
        self._command = [str(program)]
        for name, value in (given | options).items():
            self._command += [f"--{name.replace('_', '-')}", value]
        self._stack = contextlib.ExitStack()
        self._log: Path
        self._told = 0
        self.http: httpx.Client

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="netpeer-"))
            self._log = Path(home) / "log"
            process = stack.enter_context(self._process(home))
            url = self._address(process)
            client = httpx.Client(base_url=url, trust_env=False, timeout=_PATIENCE)
            self.http = stack.enter_context(client)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    @property
    def base_url(self) -> str:
        """Where it listens, ``http://127.0.0.1:{port}``."""
        return str(self.http.base_url)

    def news(self) -> str:
        """What it wrote since this was last asked."""
        text = self._log.read_text(errors="replace")
        news, self._told = text[self._told :], len(text)
        return news

    @contextlib.contextmanager
    def _process(self, home: str) -> Iterator[subprocess.Popen[str]]:
        # Its own environment: no proxy, no trust and no setting of the machine's is for it.
        environ = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home}
        with (
            self._log.open("w") as log,
            subprocess.Popen(
                self._command, env=environ, text=True, stdout=subprocess.PIPE, stderr=log
            ) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()

    def _address(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        alarm = threading.Timer(_PATIENCE, process.kill)
        alarm.start()
        try:
            for line in process.stdout:
                if line.startswith("ready "):
                    return line.split()[1]
        finally:
            alarm.cancel()
        raise AssertionError(f"The .NET peer did not start:\n{self._log.read_text()}")


def installed(given: Path, cache: Path) -> Path:
    """The program that *given* names: itself, its folder, or its archive, unpacked once."""
    if given.is_dir():
        return given / _PROGRAM
    if ".tar" not in given.name:
        return given
    digest = hashlib.sha256(given.read_bytes()).hexdigest()[:16]
    with made_once(cache / digest) as folder:
        if folder is not None:
            with tarfile.open(given) as archive:
                archive.extraction_filter = getattr(
                    tarfile, "data_filter", lambda member, _: member
                )
                archive.extractall(folder)  # noqa: S202 - filtered where Python can, and our own
    return cache / digest / _PROGRAM
