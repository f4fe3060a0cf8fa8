"""Client credentials in the order in which they are tried."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from msidweb.clock import Clock
from msidweb.concurrency import Flight
from msidweb.errors import CredentialAttempt, CredentialError
from msidweb.telemetry import (
    CredentialFailed,
    CredentialLoaded,
    CredentialReloaded,
    Telemetry,
)

from .proof import AssertionRequest, ClientCredential, ClientProof, CredentialUnavailableError

REST = 60.0
"""Seconds for which a credential that failed comes after the others."""


@dataclass(eq=False, slots=True)
class _Place:
    """One credential in the order; its generation moves on when it is loaded anew."""

    credential: ClientCredential
    generation: int
    rests_until: float = 0.0


class CredentialChain:
    """The credentials of one application, and which of them is in use.

    .NET: DefaultCredentialsLoader, without its way of forgetting why a credential failed, and with
    the next credential also where Entra ID refuses one.
    """

    def __init__(
        self,
        credentials: Sequence[ClientCredential],
        *,
        client_id: str,
        clock: Clock,
        telemetry: Telemetry,
    ) -> None:
        self._client_id = client_id
        self._clock = clock
        self._telemetry = telemetry
        self._generations = itertools.count()
        self._places = tuple(_Place(item, next(self._generations)) for item in credentials)
        self._chosen: _Place | None = None
        self._not_after: float | None = None
        self._renewals: Flight[bool] = Flight()

    def __repr__(self) -> str:
        return f"CredentialChain({', '.join(item.credential.source for item in self._places)})"

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self._places

    @property
    def not_after(self) -> float | None:
        """End of the certificate shown last, unix seconds; None where it was none."""
        return self._not_after

    def show(self, token_endpoint: str) -> Showing:
        """What one request to *token_endpoint* shows; another one where that is refused."""
        return Showing(self, AssertionRequest(token_endpoint, self._client_id))

    def in_order(self) -> list[_Place]:
        """Every credential; those that failed a moment ago come last."""
        now = self._clock.monotonic()
        return sorted(self._places, key=lambda place: place.rests_until > now)

    def choose(self, place: _Place, proof: ClientProof) -> None:
        """Note that *proof*, of *place*, is in use."""
        if place is not self._chosen:
            self._chosen = place
            self._telemetry.emit(CredentialLoaded(source=place.credential.source))
        self._not_after = proof.not_after

    def failed(self, place: _Place, reason: str) -> None:
        """Let the others come before *place* for a while."""
        now = self._clock.monotonic()
        if place.rests_until <= now:
            place.rests_until = now + REST
            source = place.credential.source
            self._telemetry.emit(CredentialFailed(source=source, reason=reason))

    async def renewed(self, place: _Place, refused: ClientProof) -> bool:
        """Whether *place* has another credential than *refused*, loaded anew if need be.

        However many requests were refused with one credential, it is loaded anew once.
        """
        return await self._renewals.join(place, lambda: self._renew(place, refused))

    async def _renew(self, place: _Place, refused: ClientProof) -> bool:
        if place.generation != refused.generation:
            return True
        if not await place.credential.renew(refused):
            return False
        place.generation = next(self._generations)
        place.rests_until = 0.0
        self._telemetry.emit(CredentialReloaded(source=place.credential.source))
        return True


class Showing:
    """The credentials that one token request shows, one after the other.

    Attributes:
        attempts: Those that failed, and why.
    """

    def __init__(self, chain: CredentialChain, request: AssertionRequest) -> None:
        self.attempts: list[CredentialAttempt] = []
        self._chain = chain
        self._request = request
        self._renewed: set[_Place] = set()
        self._given_up: set[_Place] = set()
        self._shown: tuple[_Place, ClientProof] | None = None

    async def first(self) -> ClientProof:
        """The first proof that can be had.

        Raises:
            CredentialError: There is none; ``attempts`` says why, one by one.
        """
        proof = await self._next()
        if proof is None:
            raise CredentialError(
                "No client credential can be had: "
                + ("; ".join(f"{a.source}: {a.reason}" for a in self.attempts) or "none is given"),
                code="credential_unavailable",
                attempts=self.attempts,
            )
        return proof

    async def another(self, reason: str, *, reload: bool) -> ClientProof | None:
        """A proof in place of the one that Entra ID refused, or None.

        Args:
            reason: What it said.
            reload: Whether loading the same credential anew may help; that is tried once.
        """
        if self._shown is None:
            return None
        place, refused = self._shown
        self.attempts.append(CredentialAttempt(place.credential.source, reason))
        if not await self._has_other(place, refused, reload=reload):
            self._given_up.add(place)
            self._chain.failed(place, reason)
        return await self._next()

    async def _has_other(self, place: _Place, refused: ClientProof, *, reload: bool) -> bool:
        if place in self._renewed:
            return False
        self._renewed.add(place)
        if place.generation != refused.generation:
            return True
        # Deliberate difference 20: .NET repeats a refused request with the same secret.
        return reload and await self._chain.renewed(place, refused)

    async def _next(self) -> ClientProof | None:
        for place in self._chain.in_order():
            if place in self._given_up:
                continue
            # Noted before: what is loaded meanwhile must not pass for an earlier generation.
            generation = place.generation
            try:
                proof = await place.credential.proof(self._request)
            except CredentialUnavailableError as error:
                self._given_up.add(place)
                self.attempts.append(CredentialAttempt(place.credential.source, error.message))
                self._chain.failed(place, error.message)
                continue
            proof = dataclasses.replace(proof, generation=generation)
            self._shown = (place, proof)
            self._chain.choose(place, proof)
            return proof
        return None
