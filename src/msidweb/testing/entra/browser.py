"""What browsers ask of the emulator: authorize, answer pages, enter a device's code, sign out."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from msidweb.clock import Clock
from msidweb.testing.exchange import Answer, Request

from . import pages
from .authorization import AuthorizationRequest
from .codes import AuthorizationCode, AuthorizationCodes
from .delivery import Delivery
from .devices import Devices, WaitingDevice
from .directory import App, Directory, User
from .errors import Face, RefusalError
from .metadata import Address
from .policies import Policies
from .redirects import find_redirect
from .refresh import SignedIn
from .sessions import BrowserSession, BrowserSessions
from .signin import SignIn
from .tokens import TokenFactory, client_info


class Browser:
    """The interactive half of the emulator."""

    def __init__(
        self,
        directory: Directory,
        factory: TokenFactory,
        policies: Policies,
        address: Address,
        *,
        codes: AuthorizationCodes,
        devices: Devices,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._factory = factory
        self._address = address
        self._sessions = BrowserSessions(address, factory.lifetimes, clock=clock)
        self._sign_in = SignIn(directory, policies, self._sessions)
        self._codes = codes
        self._devices = devices
        self._clock = clock

    def authorize(self, request: Request, segments: Mapping[str, str]) -> Answer:
        """A client sends its user."""
        fields = {**request.query, **request.form}
        asked = AuthorizationRequest.parse(segments["tenant"], fields, self._directory)
        session = self._sessions.of(request)
        goal = _Redirect(asked, self._codes, self._address.policy, self._clock)
        return self._with_cookie(session, self._sign_in.begin(session, asked.wish, goal))

    def login(self, request: Request, _: Mapping[str, str]) -> Answer:
        """A user answers a page."""
        session = self._sessions.of(request)
        return self._with_cookie(session, self._sign_in.go_on(session, request.form))

    def device_page(self, request: Request, _: Mapping[str, str]) -> Answer:
        """A user wants to enter a device's code."""
        session = self._sessions.of(request)
        return self._with_cookie(session, _enter_code(session))

    def device_entered(self, request: Request, _: Mapping[str, str]) -> Answer:
        """A user entered a device's code."""
        session, form = self._sessions.of(request), request.form
        if not hmac.compare_digest(form.get("ctx", "").encode(), session.form_key.encode()):
            raise RefusalError(90014, "The form is not of this browser.")
        device = self._devices.entered(form.get("user_code", ""))
        if device is None:
            problem = f"AADSTS70018: {RefusalError(70018).text}"
            return self._with_cookie(session, _enter_code(session, problem))
        page = self._sign_in.begin(session, device.wish, _Device(device), confirmed=False)
        return self._with_cookie(session, page)

    def logout(self, request: Request, _: Mapping[str, str]) -> Answer:
        """A user signs out; only a registered redirect URI is gone back to."""
        fields = {**request.query, **request.form}
        session = self._sessions.of(request)
        hint = fields.get("logout_hint", "").lower()
        if hint in session.present:
            del session.present[hint]
        else:
            session.present.clear()
        target = fields.get("post_logout_redirect_uri", "")
        registered = (redirect for app in self._leaving(fields) for redirect in app.redirect_uris)
        if target and find_redirect(registered, target):
            answer = Delivery(target, "query", fields.get("state")).answer({})
        else:
            text = "It's a good idea to close all browser windows."
            answer = pages.message("You signed out of your account", text)
        return self._with_cookie(session, answer)

    def visit(self, user: User, url: str, *, approve: bool) -> dict[str, str]:
        """What a client gets back when a user follows *url* and says yes; raises the refusal."""
        parts = urlsplit(url)
        segment = parts.path.removeprefix("/tfp").strip("/").partition("/")[0]
        asked = AuthorizationRequest.parse(segment, dict(parse_qsl(parts.query)), self._directory)
        asked = replace(asked, delivery=replace(asked.delivery, mode="query"))
        goal = _Redirect(asked, self._codes, self._address.policy, self._clock)
        session = self._sessions.new()
        answer = self._sign_in.at_once(session, user, asked.wish, goal, approve=approve)
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def visit_for_device(self, user: User, user_code: str, *, approve: bool) -> None:
        """Let a user enter a device's code and say yes; raises the refusal."""
        device = self._devices.entered(user_code)
        if device is None:
            raise RefusalError(70018)
        session, goal = self._sessions.new(), _Device(device)
        self._sign_in.at_once(session, user, device.wish, goal, approve=approve)

    def _leaving(self, fields: Mapping[str, str]) -> Iterable[App]:
        claims = self._factory.recognize(fields.get("id_token_hint", "")) or {}
        named = self._directory.apps.get(str(claims.get("aud") or fields.get("client_id")))
        return self._directory.apps.values() if named is None else [named]

    def _with_cookie(self, session: BrowserSession, answer: Answer) -> Answer:
        cookie = {"Set-Cookie": self._sessions.cookie(session)}
        return replace(answer, headers={**answer.headers, **cookie})


@dataclass(frozen=True, slots=True)
class _Redirect:
    """A sign-in that leads back to a client, with a code."""

    asked: AuthorizationRequest
    codes: AuthorizationCodes
    policy: str | None
    clock: Clock

    @property
    def form_targets(self) -> tuple[str, ...]:
        return self.asked.delivery.form_targets

    @property
    def refuse(self) -> Face:
        return self.asked.delivery.refuse

    def reached(self, signed_in: SignedIn, session: BrowserSession) -> Answer:
        asked = self.asked
        code = AuthorizationCode(
            client=asked.wish.client,
            redirect_uri=asked.delivery.redirect_uri,
            challenge=asked.challenge,
            signed_in=replace(signed_in, nonce=asked.nonce, platform=asked.redirect.platform),
            issued_at=self.clock.time(),
        )
        fields = {"code": self.codes.issue(code)}
        if asked.client_info:
            fields["client_info"] = client_info(signed_in.subject.user, policy=self.policy)
        return asked.delivery.answer(fields | {"session_state": session.state})


@dataclass(frozen=True, slots=True)
class _Device:
    """A sign-in for a device that waits."""

    device: WaitingDevice

    @property
    def form_targets(self) -> tuple[str, ...]:
        return ()

    @property
    def refuse(self) -> Face:
        return self._refuse

    def reached(self, signed_in: SignedIn, _: BrowserSession) -> Answer:
        # Two browsers may have entered the same code: the first one decides.
        if self.device.signed_in is None and not self.device.declined:
            self.device.signed_in = signed_in
        return pages.message(
            "You have signed in",
            f"You have signed in to {self.device.wish.client.name} on your device. "
            "You may now close this window.",
        )

    def _refuse(self, refusal: RefusalError, body: Mapping[str, object]) -> Answer:
        self.device.declined = self.device.signed_in is None
        return pages.refused(refusal, body)


def _enter_code(session: BrowserSession, problem: str = "") -> Answer:
    return pages.enter_device_code(pages.Form({"ctx": session.form_key}, problem=problem))
