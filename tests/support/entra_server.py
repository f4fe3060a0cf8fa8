"""The emulator behind a real TLS port, and an environment in which clients trust it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from msidweb.testing import EntraEmulator, LocalServer, Sample, sample_tenant, serve_tls

_OVERRULING = (
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)


@dataclass(frozen=True, slots=True)
class Served:
    entra: EntraEmulator
    sample: Sample
    server: LocalServer


@contextmanager
def served_entra(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Serve from a thread; requests lets these variables win over what code says."""
    for name in _OVERRULING:
        monkeypatch.delenv(name, raising=False)
    entra = EntraEmulator()
    sample = sample_tenant(entra)
    with serve_tls(entra) as server:
        yield Served(entra, sample, server)
