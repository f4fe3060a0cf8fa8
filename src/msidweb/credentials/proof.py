"""What one token request shows of the application, and who provides it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from msidweb.errors import MsidwebError


class ProofKind(enum.StrEnum):
    """Which form field carries a proof."""

    SECRET = "client_secret"  # noqa: S105 - the field's name
    ASSERTION = "client_assertion"


@dataclass(frozen=True, slots=True)
class ClientProof:
    """A secret or a client assertion, ready to be sent.

    Attributes:
        kind: Secret or assertion.
        value: The secret itself; hidden in ``repr``.
        generation: Grows whenever the chain's credentials change, so nothing made of an earlier
            proof is used with a later one.
    """

    kind: ProofKind
    value: str = field(repr=False)
    generation: int = 0

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

    async def proof(self, token_endpoint: str) -> ClientProof:
        """The proof for a request to *token_endpoint*.

        Raises:
            CredentialUnavailableError: There is none; the next credential is tried.
        """

    def renew(self) -> bool:
        """Forget what was loaded, after a refusal; False where that cannot change anything."""
