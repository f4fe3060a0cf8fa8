"""TLS contexts: one for each set of certificate files, made off the event loop."""

from __future__ import annotations

import asyncio
import functools
import ssl
from pathlib import Path
from typing import TypeAlias

import httpx

from msidweb.concurrency import Flight
from msidweb.configuration.options import HttpClientOptions
from msidweb.errors import InvalidCallError

_Files: TypeAlias = tuple[str | None, str | None, str | None]


class TlsContexts:
    """Makes and keeps TLS contexts; one costs some 17 ms, so clients of equal files share it."""

    def __init__(self) -> None:
        self._known: dict[_Files, ssl.SSLContext] = {}
        self._flight: Flight[ssl.SSLContext] = Flight()

    async def get(self, options: HttpClientOptions) -> ssl.SSLContext:
        """The context for *options*.

        Raises:
            InvalidCallError: A certificate or key file cannot be read.
        """
        files = (options.ca_file, options.client_certificate_file, options.client_key_file)
        if files not in self._known:
            work = functools.partial(asyncio.to_thread, _make, *files)
            self._known[files] = await self._flight.join(files, work)
        return self._known[files]


def _make(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    try:
        context = _trusting(ca)
        if certificate is not None:
            # An encrypted key would be asked for at the terminal: an empty password refuses it.
            context.load_cert_chain(certificate, key, password=b"")
    except (OSError, ValueError) as error:
        # ssl.SSLError is an OSError; its text names the reason and no content.
        raise InvalidCallError(
            f"The TLS files of an HTTP client cannot be used: {type(error).__name__}.",
            remedy="check CaFile, ClientCertificateFile and ClientKeyFile",
        ) from error
    return context


def _trusting(ca: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca)
    if ca is None and not context.cert_store_stats()["x509_ca"] and not _has_directory():
        # Slim images and python.org's macOS builds have no store of their own; httpx brings one.
        context = httpx.create_ssl_context(trust_env=False)
    return context


def _has_directory() -> bool:
    # OpenSSL reads a directory of authorities when it needs one of them, and counts none before.
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(Path(folder).iterdir())
