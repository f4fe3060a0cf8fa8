"""From configured descriptions to a chain of credentials; a new source type is one line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msidweb.clock import Clock
from msidweb.configuration import (
    CredentialDescription,
    MicrosoftIdentityOptions,
    SourceType,
)
from msidweb.errors import ConfigurationError, Problem
from msidweb.telemetry import Telemetry

from .assertion import load_provider
from .assertion_file import load_assertion_file
from .certificate import load_base64_certificate, load_certificate_file, load_given_certificate
from .chain import CredentialChain
from .proof import ClientCredential
from .secret import load_secret
from .surroundings import AssertionProvider, Surroundings


class Loader(Protocol):
    """Makes the credential of one source type; does no I/O."""

    def __call__(
        self, description: CredentialDescription, surroundings: Surroundings, *, place: str
    ) -> ClientCredential | Problem:
        """The credential, or what is wrong with its description at *place*."""


LOADERS: Mapping[SourceType, Loader] = {
    SourceType.CLIENT_SECRET: load_secret,
    SourceType.PATH: load_certificate_file,
    SourceType.BASE64_ENCODED: load_base64_certificate,
    SourceType.CERTIFICATE: load_given_certificate,
    SourceType.SIGNED_ASSERTION_FILE_PATH: load_assertion_file,
    SourceType.CUSTOM_SIGNED_ASSERTION: load_provider,
}

_STORE = "needs the certificate store of Windows, which Python does not read"
_INTERNAL = "is internal to Microsoft's own services"

NEVER: Mapping[SourceType, str] = {
    SourceType.STORE_WITH_THUMBPRINT: _STORE,
    SourceType.STORE_WITH_DISTINGUISHED_NAME: _STORE,
    SourceType.STORE_WITH_SUBJECT_NAME: _STORE,
    SourceType.AUTO_DECRYPT_KEYS: _INTERNAL,
    SourceType.MANAGED_CERTIFICATE: _INTERNAL,
}
"""Why a source type of .NET will not come; those in neither table come later."""


def load_credentials(
    options: MicrosoftIdentityOptions,
    *,
    clock: Clock,
    telemetry: Telemetry,
    place: str = "AzureAd",
    given: Sequence[ClientCredential | CredentialDescription] = (),
    providers: Mapping[str, AssertionProvider] | None = None,
) -> CredentialChain:
    """The chain of *given* credentials and those of *options*, in this order.

    Raises:
        ConfigurationError: A source type that is not offered, or a missing value.
    """
    surroundings = Surroundings(clock, telemetry, options.send_x5c, providers or {})
    credentials: list[ClientCredential] = []
    problems: list[Problem] = []
    for item, where in (*_given(given), *_configured(options, place)):
        loaded = (
            _loaded(item, surroundings, where) if isinstance(item, CredentialDescription) else item
        )
        if isinstance(loaded, Problem):
            problems.append(loaded)
        else:
            credentials.append(loaded)
    if problems:
        raise ConfigurationError(problems)
    return CredentialChain(
        credentials, client_id=options.client_id or "", clock=clock, telemetry=telemetry
    )


def _given(
    given: Sequence[ClientCredential | CredentialDescription],
) -> Iterator[tuple[ClientCredential | CredentialDescription, str]]:
    for index, item in enumerate(given):
        if not (isinstance(item, CredentialDescription) and item.skip):
            yield item, f"enable_token_acquisition: credentials:{index}"


def _configured(
    options: MicrosoftIdentityOptions, place: str
) -> Iterator[tuple[CredentialDescription, str]]:
    for index, description in enumerate(options.effective_credentials):
        if not description.skip:
            key = f"ClientCredentials:{index}" if options.client_credentials else None
            older = _OLDER.get(description.source_type, "ClientCertificates")
            yield description, f"{place}:{key or older}"


#: Where the older forms of a credential stand, which name no source type.
_OLDER: Mapping[SourceType, str] = {
    SourceType.CLIENT_SECRET: "ClientSecret",
    SourceType.SIGNED_ASSERTION_FROM_MANAGED_IDENTITY: "ClientCredentialsUsingManagedIdentity",
}


def _loaded(
    description: CredentialDescription, surroundings: Surroundings, place: str
) -> ClientCredential | Problem:
    loader = LOADERS.get(description.source_type)
    if loader is None:
        return _unsupported(description.source_type, place)
    return loader(description, surroundings, place=place)


def _unsupported(source_type: SourceType, place: str) -> Problem:
    why = NEVER.get(source_type, "is not part of this version")
    hint = f"supported: {', '.join(LOADERS)}"
    return Problem(place, f"source type {source_type.value!r} {why}", hint)
