"""Sign-ins that are under way, each bound to the browser that began it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Literal, Protocol

from msidweb.testing.exchange import Answer

from .authorization import Wish
from .directory import User
from .errors import Face, RefusalError
from .refresh import SignedIn
from .sessions import BrowserSession

Step = Literal["start", "confirm", "account", "password", "approve", "consent", "admin"]

_CAPACITY = 10_000


class Goal(Protocol):
    """Where a sign-in leads: back to a redirect URI, or to a device that waits."""

    @property
    def form_targets(self) -> tuple[str, ...]:
        """What a Content-Security-Policy must let the forms lead to."""

    @property
    def refuse(self) -> Face:
        """Shows a refusal."""

    def reached(self, signed_in: SignedIn, session: BrowserSession) -> Answer:
        """The user signed in."""


@dataclass(eq=False, slots=True)
class Interaction:
    """One sign-in.

    Attributes:
        session: The browser.
        wish: What it is for.
        goal: Where it leads.
        key: What its forms say; whoever does not know it can post nothing (CSRF).
        step: What the user was asked last.
        user: Who is signing in.
        fresh: Whether they signed in just now.
        agreed: Whether they accepted the consent page.
    """

    session: BrowserSession
    wish: Wish
    goal: Goal
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    step: Step = "start"
    user: User | None = None
    fresh: bool = False
    agreed: bool = False

    def refusal(
        self,
        code: int,
        *,
        error: str | None = None,
        subcode: str | None = None,
        claims: str | None = None,
    ) -> RefusalError:
        """A refusal that goes to where the sign-in leads."""
        refusal = RefusalError(code, error=error, subcode=subcode, claims=claims)
        return refusal.shown_by(self.goal.refuse)

    def start_over(self) -> None:
        """Let the user pick an account again."""
        self.user, self.fresh, self.step = None, False, "account"


class Interactions:
    """The sign-ins that are under way."""

    def __init__(self) -> None:
        self._open: dict[str, Interaction] = {}

    def add(self, interaction: Interaction) -> None:
        """Let a sign-in go on in later requests."""
        if len(self._open) >= _CAPACITY:
            del self._open[next(iter(self._open))]
        self._open[interaction.key] = interaction

    def find(self, key: str, session: BrowserSession) -> Interaction | None:
        """The sign-in of a form, if it came from the browser that began it."""
        interaction = self._open.get(key)
        return interaction if interaction and interaction.session is session else None

    def remove(self, interaction: Interaction) -> None:
        """Let a sign-in be over: its forms say nothing any more."""
        self._open.pop(interaction.key, None)
