"""The steps of the story: what each does, what must come back, and how to break it."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .stage import Seen, Stage


class StepFailedError(Exception):
    """A step did not come out as it should."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: For ``--break``.
        title: What it shows.
        act: Does it; returns what was seen, raises StepFailedError.
        sabotage: Breaks what the step rests on, for as long as the ``with`` block lasts.
    """

    name: str
    title: str
    act: Callable[[Stage], Awaitable[list[Seen]]]
    sabotage: Callable[[Stage], AbstractContextManager[None]]


def expect(seen: Seen, status: int, /, **body: Any) -> Seen:
    """*seen*, if it has the status and the members of the body."""
    if seen.status != status:
        raise StepFailedError(f"{seen.call} answered {seen.status} instead of {status}")
    for name, value in body.items():
        if not isinstance(seen.body, dict) or seen.body.get(name) != value:
            raise StepFailedError(f"{seen.call}: the answer's {name!r} is not {value!r}")
    return seen


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise StepFailedError(*otherwise*) unless it holds."""
    if not holds:
        raise StepFailedError(otherwise)


async def _user_data(stage: Stage) -> list[Seen]:
    seen = await stage.call("GET", "/api/userdata", token=stage.token_of(stage.alice))
    expect(seen, HTTPStatus.OK, name="Alice", tenantId=stage.alice.tid)
    require(seen.sources == ("identity_provider",), "the first token must come from Entra ID")
    return [seen]


async def _cached(stage: Stage) -> list[Seen]:
    seen = await stage.call("GET", "/api/userdata", token=stage.token_of(stage.alice))
    expect(seen, HTTPStatus.OK, name="Alice")
    require(seen.sources == ("cache",), "the second token must come from the cache")
    return [seen]


async def _process(stage: Stage) -> list[Seen]:
    body = {"items": ["a", "b", "c"]}
    seen = await stage.call("POST", "/api/process", token=stage.token_of(stage.alice), json=body)
    return [expect(seen, HTTPStatus.OK, accepted=3)]


async def _dashboard(stage: Stage) -> list[Seen]:
    seen = await stage.call("GET", "/api/dashboard", token=stage.token_of(stage.alice))
    expect(
        seen,
        HTTPStatus.OK,
        user={"displayName": "Alice"},
        data={"rows": ["first", "second"]},
        settings={"theme": "dark"},
    )
    require(len(seen.sources) == 3, "three calls need three tokens")  # noqa: PLR2004
    return [seen]


async def _consent(stage: Stage) -> list[Seen]:
    token = stage.token_of(stage.carol)
    refused = await stage.call("GET", "/api/userdata", token=token)
    expect(refused, HTTPStatus.UNAUTHORIZED, error="consent_required", scopes=[stage.partner.scope])
    require('error="consent_required"' in (refused.challenge or ""), "the challenge is missing")
    stage.entra.consent(client=stage.api, resource=stage.partner.resource, user=stage.carol)
    granted = await stage.call("GET", "/api/userdata", token=token)
    return [refused, expect(granted, HTTPStatus.OK, name="Carol")]


async def _second_factor(stage: Stage) -> list[Seen]:
    policy = stage.entra.require_mfa(stage.partner.resource)
    try:
        stage.sign_in_again(stage.alice)
        refused = await stage.call("GET", "/api/userdata", token=stage.token_of(stage.alice))
        expect(refused, HTTPStatus.UNAUTHORIZED, error="interaction_required")
        token = stage.entra.step_up(stage.alice, refused.body["claims"], resource=stage.api)
        granted = await stage.call("GET", "/api/userdata", token=token)
    finally:
        stage.entra.lift_policy(policy)
    return [refused, expect(granted, HTTPStatus.OK, name="Alice")]


async def _downstream_errors(stage: Stage) -> list[Seen]:
    seen = []
    token = stage.token_of(stage.alice)
    for downstream, answered in ((404, 404), (400, 400), (503, 502)):
        with stage.partner.failing(downstream):
            first = await stage.call("GET", "/api/userdata", token=token)
            later = await stage.call("GET", "/api/data", token=token)
        seen += [expect(first, HTTPStatus.INTERNAL_SERVER_ERROR), expect(later, answered)]
    return seen


async def _wrong_tokens(stage: Stage) -> list[Seen]:
    return [
        expect(await stage.call("GET", "/api/userdata", token=token), HTTPStatus.UNAUTHORIZED)
        for token in stage.wrong_tokens()
    ]


async def _expired_token(stage: Stage) -> list[Seen]:
    seen = await stage.call("GET", "/api/userdata", token=stage.expired_token())
    expect(seen, HTTPStatus.UNAUTHORIZED, error="invalid_token")
    require("expired" in seen.body["error_description"], "the answer must say that it expired")
    return [seen]


async def _key_rollover(stage: Stage) -> list[Seen]:
    stage.entra.rotate_keys()
    stage.sign_in_again(stage.alice)
    seen = await stage.call("GET", "/api/userdata", token=stage.token_of(stage.alice))
    return [expect(seen, HTTPStatus.OK, name="Alice")]


@contextlib.contextmanager
def _break_partner(stage: Stage) -> Iterator[None]:
    with stage.partner.failing(HTTPStatus.INTERNAL_SERVER_ERROR):
        yield


@contextlib.contextmanager
def _break_graph(stage: Stage) -> Iterator[None]:
    stage.graph.fail_with = HTTPStatus.INTERNAL_SERVER_ERROR
    yield
    stage.graph.fail_with = None


@contextlib.contextmanager
def _break_cache(stage: Stage) -> Iterator[None]:
    stage.sign_in_again(stage.alice)
    yield


@contextlib.contextmanager
def _break_consent(stage: Stage) -> Iterator[None]:
    stage.entra.consent(client=stage.api, resource=stage.partner.resource, user=stage.carol)
    yield


@contextlib.contextmanager
def _break_step_up(stage: Stage) -> Iterator[None]:
    block = stage.entra.block_access(stage.partner.resource)
    yield
    stage.entra.lift_policy(block)


@contextlib.contextmanager
def _break_errors(stage: Stage) -> Iterator[None]:
    stage.partner.never_fails = True
    yield
    stage.partner.never_fails = False


@contextlib.contextmanager
def _break_refusals(stage: Stage) -> Iterator[None]:
    stage.only_good_tokens = True
    yield
    stage.only_good_tokens = False


@contextlib.contextmanager
def _break_keys(stage: Stage) -> Iterator[None]:
    fault = stage.entra.fail_next("keys", status=HTTPStatus.SERVICE_UNAVAILABLE, times=None)
    yield
    fault.lift()


STEPS = (
    Step("user-data", "The API calls the partner on behalf of Alice", _user_data, _break_partner),
    Step("cached", "The same again: the token comes from the cache", _cached, _break_cache),
    Step("process", "A POST with a body", _process, _break_partner),
    Step("dashboard", "Three calls side by side", _dashboard, _break_graph),
    Step(
        "consent",
        "Carol has not consented: she is asked, consents, and gets in",
        _consent,
        _break_consent,
    ),
    Step(
        "second-factor",
        "A policy stops Alice: she hears why, steps up, and gets in",
        _second_factor,
        _break_step_up,
    ),
    Step(
        "downstream-errors",
        "A failing partner: /api/userdata answers 500 to all, /api/data tells them apart",
        _downstream_errors,
        _break_errors,
    ),
    Step(
        "wrong-tokens",
        "No token, a token for another API, a damaged signature",
        _wrong_tokens,
        _break_refusals,
    ),
    Step("expired-token", "A token whose time is over", _expired_token, _break_refusals),
    Step("key-rollover", "A new signing key is picked up at once", _key_rollover, _break_keys),
)
