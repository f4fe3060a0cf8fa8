"""Client assertions signed with the key of a certificate.

.NET: SourceType Certificate, Path and Base64Encoded.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msidweb.clock import Clock
from msidweb.concurrency import Flight
from msidweb.configuration import CertificateWithKey, CredentialDescription
from msidweb.errors import Problem
from msidweb.telemetry import CredentialNoted

from . import files
from .files import is_exposed, read_file
from .kept import KeptAssertions
from .proof import AssertionRequest, ClientProof, CredentialUnavailableError, ProofKind
from .slow_source import SlowSource
from .surroundings import Surroundings

if TYPE_CHECKING:
    from .signing import SigningCertificate

LEEWAY = 300.0
"""Seconds by which our clock may be behind that of whoever made the certificate."""


@dataclass(frozen=True, slots=True)
class CertificateContent:
    """A certificate as it was found.

    Attributes:
        certificate: The certificate and its key.
        note: What should be looked after, or None.
    """

    certificate: CertificateWithKey
    note: str | None = None


class ClientCertificate:
    """A certificate whose key signs an assertion for each token endpoint.

    The key is parsed once, in a thread. Assertions are good for ten minutes and shown for five.

    Args:
        read: Finds the certificate; runs in a thread, again after a refusal.
        surroundings: Clock, telemetry, and whether assertions carry the certificate chain.
        source: Kind and place, for errors and logs.
    """

    def __init__(
        self, read: Callable[[], CertificateContent], surroundings: Surroundings, *, source: str
    ) -> None:
        self.source = source
        self._read = read
        self._surroundings = surroundings
        self._loads: Flight[_Signer] = Flight()
        self._place: SlowSource[tuple[str | None, SigningCertificate]] = SlowSource(
            surroundings.clock
        )
        self._signer: _Signer | None = None

    def __repr__(self) -> str:
        return f"ClientCertificate({self.source!r})"

    async def proof(self, request: AssertionRequest) -> ClientProof:
        """An assertion for *request*.

        Raises:
            CredentialUnavailableError: The certificate cannot be read, or is outside of its
                validity.
        """
        signer = self._signer or await self._loads.join("load", self._load)
        if not signer.is_valid:
            # A newer one may have been put in its place.
            signer = await self._loads.join("load", self._load)
        if not signer.is_valid:
            raise CredentialUnavailableError("the certificate is outside of its validity")
        assertion = await signer.assertion(request)
        return ClientProof(
            ProofKind.ASSERTION,
            assertion,
            certificate=signer.certificate.thumbprint,
            not_after=signer.certificate.not_after,
        )

    async def renew(self, refused: ClientProof) -> bool:
        """Find the certificate anew; False where it signed *refused*, or cannot be read."""
        try:
            signer = await self._loads.join("load", self._load)
        except CredentialUnavailableError:
            return False
        return signer.certificate.thumbprint != refused.certificate

    async def _load(self) -> _Signer:
        try:
            note, certificate = await self._place.ask(
                "load", lambda: _parsed(self._read()), deadline=files.DEADLINE
            )
        except TimeoutError:
            reason = "the certificate could not be read in time"
            raise CredentialUnavailableError(reason) from None
        if self._signer is not None and self._signer.certificate == certificate:
            return self._signer
        if note is not None:
            self._surroundings.telemetry.emit(CredentialNoted(source=self.source, note=note))
        self._signer = _Signer(certificate, self._surroundings)
        return self._signer


def _parsed(content: CertificateContent) -> tuple[str | None, SigningCertificate]:
    from .signing import SigningCertificate  # noqa: PLC0415 - takes long, so it waits for a thread

    return content.note, SigningCertificate.of(content.certificate)


class _Signer:
    """One certificate and the assertions it signed; another certificate has another one."""

    def __init__(self, certificate: SigningCertificate, surroundings: Surroundings) -> None:
        self.certificate = certificate
        self._clock: Clock = surroundings.clock
        self._send_x5c = surroundings.send_x5c
        self._kept = KeptAssertions(self._clock)

    @property
    def is_valid(self) -> bool:
        starts, ends = self.certificate.not_before - LEEWAY, self.certificate.not_after
        return starts <= self._clock.time() < ends

    async def assertion(self, request: AssertionRequest) -> str:
        key = (request.token_endpoint, request.client_id)
        return await self._kept.get(key, lambda: self._signed(request))

    async def _signed(self, request: AssertionRequest) -> str:
        # In a thread: a key of 4096 bits takes longer than the loop may be held up.
        return await asyncio.to_thread(
            self.certificate.sign, request, now=self._clock.time(), send_x5c=self._send_x5c
        )


def load_certificate_file(
    description: CredentialDescription, surroundings: Surroundings, *, place: str
) -> ClientCertificate | Problem:
    """The certificate in a PEM or PFX file."""
    name = description.certificate_disk_path
    if name is None:
        return Problem(f"{place}:CertificateDiskPath", "is missing")
    path, password = Path(name), description.certificate_password

    def read() -> CertificateContent:
        content = CertificateWithKey(read_file(path), password=password)
        note = "every user of the machine may read the key" if is_exposed(path) else None
        return CertificateContent(content, note)

    return ClientCertificate(read, surroundings, source=f"Path {name}")


def load_base64_certificate(
    description: CredentialDescription, surroundings: Surroundings, *, place: str
) -> ClientCertificate | Problem:
    """The certificate in a base64 text: the content of a PFX or PEM file."""
    place = f"{place}:Base64EncodedValue"
    value = description.base64_encoded_value
    if value is None:
        return Problem(place, "is missing")
    try:
        content = base64.b64decode("".join(value.get_secret_value().split()), validate=True)
    except (binascii.Error, ValueError):
        return Problem(place, "is not base64")
    return _of_memory(
        CertificateWithKey(content, password=description.certificate_password),
        surroundings,
        source="Base64Encoded",
    )


def load_given_certificate(
    description: CredentialDescription, surroundings: Surroundings, *, place: str
) -> ClientCertificate | Problem:
    """The certificate that code gave."""
    certificate = description.certificate
    if certificate is None:
        return Problem(f"{place}:SourceType", "names no source", "ClientSecret, Path, KeyVault …")
    return _of_memory(certificate, surroundings, source="Certificate")


def _of_memory(
    certificate: CertificateWithKey, surroundings: Surroundings, *, source: str
) -> ClientCertificate:
    content = CertificateContent(certificate)
    return ClientCertificate(lambda: content, surroundings, source=source)
