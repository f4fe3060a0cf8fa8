"""A client secret."""

from __future__ import annotations

from pydantic import SecretStr

from msidweb.configuration import CredentialDescription
from msidweb.errors import Problem

from .proof import AssertionRequest, ClientProof, ProofKind
from .surroundings import Surroundings


class ClientSecret:
    """A client secret. .NET: SourceType ClientSecret."""

    source = "ClientSecret"

    def __init__(self, secret: SecretStr | str) -> None:
        value = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
        self._proof = ClientProof(ProofKind.SECRET, value)

    def __repr__(self) -> str:
        return "ClientSecret(…)"

    async def proof(self, request: AssertionRequest) -> ClientProof:  # noqa: ARG002 - the seam's
        """The secret; it is the same for every endpoint."""
        return self._proof

    async def renew(self, refused: ClientProof) -> bool:  # noqa: ARG002 - the seam's
        """False: a secret is what it is until the application is configured anew."""
        return False


def load_secret(
    description: CredentialDescription,
    surroundings: Surroundings,  # noqa: ARG001 - the seam's
    *,
    place: str,
) -> ClientSecret | Problem:
    """The secret that *description* holds."""
    secret = description.client_secret
    if secret is None or not secret.get_secret_value():
        return Problem(f"{place}:ClientSecret", "is missing")
    return ClientSecret(secret)
