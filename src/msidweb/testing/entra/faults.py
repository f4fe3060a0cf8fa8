"""Faults on demand: the next answers fail, stall, lie or are cut short."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypedDict

from msidweb.errors import InvalidCallError
from msidweb.testing._arguments import checks_arguments
from msidweb.testing.exchange import Answer

from .directory import App, User
from .errors import RefusalError
from .flaws import Flaw

Endpoint = Literal[
    "token",
    "authorize",
    "login",
    "logout",
    "devicecode",
    "metadata",
    "keys",
    "discovery",
    "realm",
    "graph",
    "userinfo",
]
Damage = Literal["html", "empty", "truncated", "garbage", "array", "duplicates"]


class FaultDetails(TypedDict, total=False):
    """Keywords of ``fail_next``: those of :class:`Fault`, with users and apps instead of ids."""

    status: int
    code: int
    error: str
    suberror: str
    claims: str
    retry_after: float
    headers: Mapping[str, str]
    latency: float
    hold: asyncio.Event
    damage: Damage
    flaw: Flaw
    leave_out: Iterable[str]
    put: Mapping[str, object]
    times: int | None
    for_seconds: float
    user: User
    app: App
    scope: str
    grant_type: str


_FAILED = 400
_TOO_MANY = 429
_SERVER_ERROR = 500


@checks_arguments()
@dataclass(eq=False, slots=True)
class Fault:
    """One thing that goes wrong, for the requests it is meant for.

    Attributes:
        endpoint: Which endpoint fails.
        status: HTTP status of the answer; below 400 the real answer goes out under it.
        code: AADSTS code of the answer; its catalog entry fills what is not given.
        error: OAuth error instead of the code's own.
        suberror: Suberror instead of the code's own.
        claims: Claims challenge of the answer, JSON text.
        retry_after: ``Retry-After`` of the answer, also of a good one.
        headers: More headers.
        latency: Seconds before the answer.
        hold: The answer waits until this event is set.
        damage: What becomes of the body; ``duplicates`` lists every key twice.
        flaw: What is wrong with the tokens in the body.
        leave_out: Members of the JSON body that are missing.
        put: Members of the JSON body that are another.
        times: How many requests it hits; None hits until it is lifted.
        until: Moment of the emulator's clock when it ends.
        oid: Only requests about this user.
        client_id: Only requests of this app.
        scope: Only requests whose ``scope`` contains this.
        grant_type: Only requests of this grant.
    """

    endpoint: Endpoint
    status: int | None = None
    code: int | None = None
    error: str | None = None
    suberror: str | None = None
    claims: str | None = None
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    hold: asyncio.Event | None = None
    damage: Damage | None = None
    flaw: Flaw | None = None
    leave_out: frozenset[str] = frozenset()
    put: Mapping[str, object] = field(default_factory=dict)
    times: int | None = 1
    until: float | None = None
    oid: str | None = None
    client_id: str | None = None
    scope: str | None = None
    grant_type: str | None = None

    @classmethod
    def of(cls, endpoint: Endpoint, details: FaultDetails, *, now: float) -> Fault:
        """The fault that these keywords describe; one with ``for_seconds`` hits until then.

        Raises:
            InvalidCallError: There is no such endpoint, keyword or kind of value: the test would
                prove nothing.
        """
        _check_names(details)
        lasting = details.get("for_seconds")
        user, app = details.get("user"), details.get("app")
        return cls(
            endpoint,
            status=details.get("status"),
            code=details.get("code"),
            error=details.get("error"),
            suberror=details.get("suberror"),
            claims=details.get("claims"),
            retry_after=details.get("retry_after"),
            headers=details.get("headers", {}),
            latency=details.get("latency", 0.0),
            hold=details.get("hold"),
            damage=details.get("damage"),
            flaw=details.get("flaw"),
            leave_out=frozenset(details.get("leave_out", ())),
            put=details.get("put", {}),
            times=details.get("times", 1 if lasting is None else None),
            until=None if lasting is None else now + lasting,
            oid=user.oid if user else None,
            client_id=app.client_id if app else None,
            scope=details.get("scope"),
            grant_type=details.get("grant_type"),
        )

    def lift(self) -> None:
        """Let it end now."""
        self.times = 0

    @property
    def refusal(self) -> RefusalError | None:
        """The error it answers with, or None when the real answer goes out."""
        if self.code is None and (self.status is None or self.status < _FAILED):
            return None
        code = self.code or _code_of_status(self.status or _FAILED)
        return RefusalError(
            code,
            error=self.error,
            suberror=self.suberror,
            claims=self.claims,
            status=self.status,
        )

    async def stall(self) -> None:
        """Wait as long as the answer has to."""
        if self.latency:
            await asyncio.sleep(self.latency)
        if self.hold is not None:
            await self.hold.wait()

    def spoil(self, answer: Answer, forge: Callable[[str, Flaw], str]) -> Answer:
        """The answer as it goes out; *forge* gives a token a flaw."""
        headers = {**answer.headers, **self.headers}
        if self.retry_after is not None:
            headers["Retry-After"] = f"{self.retry_after:g}"
        if self.damage == "html":
            headers["Content-Type"] = "text/html"
        status = answer.status if self.status is None else self.status
        return replace(answer, status=status, body=self._body(answer.body, forge), headers=headers)

    def meets(self, form: Mapping[str, str], concerns: Callable[[], str | None]) -> bool:
        """Whether it is meant for a request with this form."""
        return (
            (self.client_id is None or self.client_id == form.get("client_id"))
            and (self.scope is None or self.scope in form.get("scope", "").split())
            and (self.grant_type is None or self.grant_type == form.get("grant_type"))
            and (self.oid is None or self.oid == concerns())
        )

    def _body(self, body: bytes, forge: Callable[[str, Flaw], str]) -> bytes:
        if self.damage == "duplicates":
            document = json.loads(body)
            return json.dumps({**document, "keys": document.get("keys", []) * 2}).encode()
        if self.damage is not None:
            return _DAMAGED.get(self.damage, body[: len(body) // 2])
        if not self.leave_out and not self.put and self.flaw is None:
            return body
        document = {**json.loads(body), **self.put}
        kept = {name: value for name, value in document.items() if name not in self.leave_out}
        if self.flaw is not None:
            kept |= {name: forge(kept[name], self.flaw) for name in _TOKENS if name in kept}
        return json.dumps(kept).encode()


_TOKENS = ("access_token", "id_token")


def _check_names(details: Mapping[str, object]) -> None:
    for name in details:
        if name not in _KEYWORDS:
            raise InvalidCallError(f"A fault knows no {name!r}; it knows {', '.join(_KEYWORDS)}.")


_KEYWORDS = tuple(FaultDetails.__annotations__)


class Faults:
    """The faults that wait for their requests, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Let a fault wait."""
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        """Lift them all."""
        self._waiting.clear()

    def take(
        self,
        endpoint: str,
        form: Mapping[str, str],
        *,
        now: float,
        concerns: Callable[[], str | None],
    ) -> Fault | None:
        """The fault that this request runs into."""
        self._waiting = [fault for fault in self._waiting if _alive(fault, now)]
        for fault in self._waiting:
            if fault.endpoint == endpoint and fault.meets(form, concerns):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


_DAMAGED: Mapping[str, bytes] = {
    "html": b"<html><body>Our services aren't available right now</body></html>",
    "empty": b"",
    "garbage": b"\x00\xff{not json",
    "array": b"[]",
}


def _alive(fault: Fault, now: float) -> bool:
    return fault.times != 0 and (fault.until is None or now < fault.until)


def _code_of_status(status: int) -> int:
    if status == _TOO_MANY:
        return 90055
    return 90033 if status >= _SERVER_ERROR else 9002313
