"""Browsers that signed in: a cookie, and the accounts behind it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from msidweb.clock import Clock
from msidweb.testing.exchange import Request

from .directory import User
from .metadata import Address
from .tokens import Lifetimes, Subject

_CAPACITY = 10_000


@dataclass(slots=True)
class Presence:
    """One account that signed in: when, and how strongly."""

    user: User
    at: float
    mfa: bool = False
    contexts: frozenset[str] = frozenset()

    def strengthen(self, contexts: Iterable[str]) -> None:
        """Remember a second factor and the authentication contexts that it satisfied."""
        self.mfa = True
        self.contexts |= frozenset(contexts)

    def subject(self, tenant_id: str) -> Subject:
        """The user as one tenant sees them now."""
        contexts = tuple(sorted(self.contexts))
        return Subject(self.user, tenant_id, mfa=self.mfa, authentication_contexts=contexts)


@dataclass(eq=False, slots=True)
class BrowserSession:
    """One browser.

    Attributes:
        key: What its cookie says; another one after every sign-in (session fixation).
        started_at: When it began, by the emulator's clock.
        state: ``session_state`` of its authorization answers.
        form_key: What the forms that begin a sign-in here carry (CSRF).
        present: User principal name -> who signed in.
    """

    key: str
    started_at: float
    state: str = field(default_factory=lambda: str(uuid.uuid4()))
    form_key: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    present: dict[str, Presence] = field(default_factory=dict)


class BrowserSessions:
    """The sessions of all browsers."""

    def __init__(self, address: Address, lifetimes: Lifetimes, *, clock: Clock) -> None:
        self._address = address
        self._lifetimes = lifetimes
        self._clock = clock
        self._sessions: dict[str, BrowserSession] = {}
        # Cookies know no ports: emulators side by side on localhost need names of their own.
        self._cookie = f"ESTSAUTH-{secrets.token_hex(4)}"

    def of(self, request: Request) -> BrowserSession:
        """The session that a request's cookie names, else a new one."""
        session = self._sessions.get(self._key(request))
        return self.new() if session is None or self._ended(session) else session

    def new(self) -> BrowserSession:
        """The session of a browser that was never here."""
        return self._keep(BrowserSession(secrets.token_urlsafe(32), self._clock.time()))

    def sign_in(self, session: BrowserSession, user: User) -> Presence:
        """Let a user be present in a browser, under a new cookie."""
        self._sessions.pop(session.key, None)
        session.key = secrets.token_urlsafe(32)
        session.started_at = self._clock.time()
        self._keep(session)
        presence = Presence(user, session.started_at)
        session.present[user.upn] = presence
        return presence

    def cookie(self, session: BrowserSession) -> str:
        """``Set-Cookie`` for a session.

        Clients in frames and posted answers need it cross-site, which browsers allow over TLS
        alone.
        """
        secure = self._address.base_url.startswith("https://")
        site = "SameSite=None; Secure" if secure else "SameSite=Lax"
        return f"{self._cookie}={session.key}; Path=/; HttpOnly; {site}"

    def _key(self, request: Request) -> str:
        for pair in request.headers.get("cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self._cookie:
                return value
        return ""

    def _ended(self, session: BrowserSession) -> bool:
        return self._clock.time() >= session.started_at + self._lifetimes.browser_session

    def _keep(self, session: BrowserSession) -> BrowserSession:
        if len(self._sessions) >= _CAPACITY:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[session.key] = session
        return session
