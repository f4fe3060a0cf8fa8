"""From configured descriptions to a chain of credentials; a new source type is one line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msidweb.configuration import (
    CredentialDescription,
    MicrosoftIdentityOptions,
    SourceType,
)
from msidweb.errors import ConfigurationError, Problem
from msidweb.telemetry import Telemetry

from .chain import CredentialChain
from .proof import ClientCredential
from .secret import load_secret


class Loader(Protocol):
    """Makes the credential of one source type; does no I/O."""

    def __call__(
        self, description: CredentialDescription, *, place: str
    ) -> ClientCredential | Problem:
        """The credential, or what is wrong with its description at *place*."""


LOADERS: Mapping[SourceType, Loader] = {
    SourceType.CLIENT_SECRET: load_secret,
}


def load_credentials(
    options: MicrosoftIdentityOptions,
    *,
    telemetry: Telemetry,
    place: str = "AzureAd",
    given: Sequence[ClientCredential] = (),
) -> CredentialChain:
    """The chain of *given* credentials and those of *options*, in this order.

    Raises:
        ConfigurationError: An unknown source type, or a missing value.
    """
    credentials = list(given)
    problems: list[Problem] = []
    for item in _configured(options, place):
        if isinstance(item, Problem):
            problems.append(item)
        else:
            credentials.append(item)
    if problems:
        raise ConfigurationError(problems)
    return CredentialChain(credentials, telemetry=telemetry)


def _configured(
    options: MicrosoftIdentityOptions, place: str
) -> Iterator[ClientCredential | Problem]:
    for index, description in enumerate(options.effective_credentials):
        if not description.skip:
            key = f"ClientCredentials:{index}" if options.client_credentials else None
            older = _OLDER.get(description.source_type, "ClientCertificates")
            yield _loaded(description, f"{place}:{key or older}")


#: Where the older forms of a credential stand, which name no source type.
_OLDER: Mapping[SourceType, str] = {
    SourceType.CLIENT_SECRET: "ClientSecret",
    SourceType.SIGNED_ASSERTION_FROM_MANAGED_IDENTITY: "ClientCredentialsUsingManagedIdentity",
}


def _loaded(description: CredentialDescription, place: str) -> ClientCredential | Problem:
    loader = LOADERS.get(description.source_type)
    if loader is None:
        return _unsupported(description.source_type, place)
    return loader(description, place=place)


def _unsupported(source_type: SourceType, place: str) -> Problem:
    return Problem(
        place,
        f"source type {source_type.value!r} is not part of this version",
        f"supported: {', '.join(LOADERS)}, or an assertion provider passed in code",
    )
