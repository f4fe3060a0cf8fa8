"""Client credentials in the order in which they are tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from msidweb.errors import CredentialAttempt, CredentialError
from msidweb.telemetry import CredentialLoaded, Telemetry

from .proof import ClientCredential, ClientProof, CredentialUnavailableError


class CredentialChain:
    """Shows the first credential that can be had, and says what became of the others.

    .NET: DefaultCredentialsLoader, without its way of forgetting why a credential failed.
    """

    def __init__(self, credentials: Sequence[ClientCredential], *, telemetry: Telemetry) -> None:
        self._credentials = tuple(credentials)
        self._telemetry = telemetry
        self._chosen: ClientCredential | None = None
        self._generation = 0

    def __repr__(self) -> str:
        return f"CredentialChain({', '.join(item.source for item in self._credentials)})"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self._credentials

    @property
    def generation(self) -> int:
        """Grows whenever another credential is chosen, or the chosen one is renewed."""
        return self._generation

    async def proof(self, token_endpoint: str) -> ClientProof:
        """The proof for a request to *token_endpoint*.

        Raises:
            CredentialError: No credential can be had; ``attempts`` says why, one by one.
        """
        attempts: list[CredentialAttempt] = []
        for credential in self._credentials:
            try:
                proof = await credential.proof(token_endpoint)
            except CredentialUnavailableError as error:
                attempts.append(CredentialAttempt(credential.source, error.message))
                continue
            self._choose(credential)
            if proof.generation == self._generation:
                return proof
            return dataclasses.replace(proof, generation=self._generation)
        raise CredentialError(
            "No client credential can be had: "
            + ("; ".join(f"{item.source}: {item.reason}" for item in attempts) or "none is given"),
            code="credential_unavailable",
            attempts=attempts,
        )

    def renew(self) -> bool:
        """Load the chosen credential anew; False where the same would be shown again.

        Deliberate difference 20: .NET repeats a refused request with the same secret.
        """
        if self._chosen is None or not self._chosen.renew():
            return False
        self._generation += 1
        return True

    def _choose(self, credential: ClientCredential) -> None:
        if credential is self._chosen:
            return
        self._generation += self._chosen is not None
        self._chosen = credential
        self._telemetry.emit(CredentialLoaded(source=credential.source))
