"""What one token request shows of the application, and who provides it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from msidweb.errors import MsidwebError


class ProofKind(enum.StrEnum):
    """Which form field carries a proof."""

    SECRET = "client_secret"  # noqa: S105 - the field's name
    ASSERTION = "client_assertion"


@dataclass(frozen=True, slots=True)
class AssertionRequest:
    """What a proof is wanted for. .NET: AssertionRequestOptions.

    Attributes:
        token_endpoint: URL that it is shown to: the audience of an assertion.
        client_id: Application that it is about: issuer and subject of an assertion of its own.
        data: ``CustomSignedAssertionProviderData`` of the credential; hidden in ``repr``.
    """

    token_endpoint: str
    client_id: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ClientProof:
    """A secret or a client assertion, ready to be sent.

    Attributes:
        kind: Secret or assertion.
        value: The secret itself; hidden in ``repr``.
        generation: Differs whenever the credential behind it does, so nothing made of an earlier
            proof is used with a later one.
        certificate: Thumbprint of the certificate that signed it, or None.
        not_after: End of that certificate, unix seconds, or None.
    """

    kind: ProofKind
    value: str = field(repr=False)
    generation: int = 0
    certificate: str | None = None
    not_after: float | None = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("A client proof is not written out by pickle.")


class CredentialUnavailableError(MsidwebError):
    """A credential cannot be had now; its message says why and holds nothing of it."""

    code = "credential_unavailable"


class ClientCredential(Protocol):
    """One way to prove who the application is."""

    @property
    def source(self) -> str:
        """Kind and place, for errors and logs; never the value."""

    async def proof(self, request: AssertionRequest) -> ClientProof:
        """The proof for *request*.

        Raises:
            CredentialUnavailableError: There is none; the next credential is tried.
        """

    async def renew(self, refused: ClientProof) -> bool:
        """Load it anew; False where *refused*, or what it was made of, would be shown again."""
