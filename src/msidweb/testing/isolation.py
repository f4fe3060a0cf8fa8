"""Whether anybody ever gets another's token, claims or session: Hypothesis tries.

    def test_nobody_gets_the_answer_of_another():
        check_isolation(lambda: build_my_identity())

Needs ``pip install hypothesis``; nothing else of ``msidweb.testing`` imports it.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from msidweb.configuration import DownstreamApiOptions
from msidweb.errors import InvalidCallError, MsidwebError, UserRequiredError
from msidweb.identity import Identity
from msidweb.principal import CallerSlot, Principal, principal_scope

from .crowd import SignIn, Visit, Way, WitnessedSandbox, cast_of, pick, ways_of
from .witness import Hesitant, claims_of, turns

REPEATABLE = settings(
    max_examples=50,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
"""The same examples in every run; change with ``settings(REPEATABLE, max_examples=…)``."""

_CONNECTIONS = 3
_CLAIMS = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'


def check_isolation(
    make_identity: Callable[[], Identity],
    *,
    machine: type[IsolationMachine] | None = None,
    settings: settings = REPEATABLE,
) -> None:
    """Try an identity with many users at once, in orders that Hypothesis makes up.

    Args:
        make_identity: The identity; built for each example, or one that is always the same.
        machine: An :class:`IsolationMachine` of one's own.
        settings: How much is tried.

    Raises:
        InvalidCallError: An event loop runs here: the test must be a synchronous one.
        AssertionError: Somebody got what is another's; the steps that led there are printed.
    """
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        raise InvalidCallError("An event loop runs here; call it in a synchronous test.")
    kind = machine or IsolationMachine
    # Hypothesis calls whatever makes a machine, though it asks for the class.
    run_state_machine_as_test(lambda: kind(make_identity), settings=settings)  # type: ignore[arg-type]


_NUMBERS = st.integers(0, 11)
_VISITS = st.builds(
    Visit,
    caller=st.none() | _NUMBERS,
    acts_for=st.none() | _NUMBERS,
    ways=st.lists(_NUMBERS, min_size=1, max_size=3).map(tuple),
    claims=st.booleans(),
    cancelled_after=st.none() | st.integers(0, 40),
)


class IsolationMachine(RuleBasedStateMachine):
    """Users, tenants, sign-ins, permissions, claims and cancellations against one identity.

    Each answer must be about the one who asked: by tenant, object id, permission, the number of
    the call, and the very assertion that the token was issued for, all as the stand-ins for the
    downstream APIs saw them, which check tokens by themselves.

    Args:
        make_identity: The identity under test.
    """

    def __init__(self, make_identity: Callable[[], Identity]) -> None:
        super().__init__()
        self._chance = random.Random(0)  # noqa: S311 - order of events, not a secret
        self._runner = asyncio.Runner()
        self._entra = WitnessedSandbox()
        self._identity = make_identity()
        self._entra.redirect(self._identity, between=self.between)
        self._ways = ways_of(self._identity, self._entra)
        self._places = cast_of(self._entra)
        self._sign_ins: list[SignIn] = []
        self._connections = [contextvars.Context() for _ in range(_CONNECTIONS)]
        self._tickets = 0
        self._runner.run(self._identity.open())

    def between(self, transport: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """What is put around every transport: others run while it waits."""
        return Hesitant(transport, lambda: self._chance.randrange(6))

    def seated(self) -> AbstractContextManager[CallerSlot]:
        """A request's slot for its caller, ambient within; adapters of one's own take its place."""
        return principal_scope(None)

    @initialize(places=st.lists(_NUMBERS, min_size=2, max_size=5))
    def first_sign_ins(self, places: Sequence[int]) -> None:
        """Some users sign in."""
        for place in places:
            self.sign_in(place, 3_600)

    @rule(place=_NUMBERS, life=st.sampled_from([600, 3_600]))
    def sign_in(self, place: int, life: int) -> None:
        """A user signs in, maybe once more."""
        user, tenant = pick(self._places, place)
        token = self._entra.token(user, tenant=tenant, expires_in=life)
        self._sign_ins.append(SignIn(user, tenant, token, self._entra.clock.time() + life))

    @rule(seconds=st.sampled_from([60, 900, 2_000]))
    def time_passes(self, seconds: int) -> None:
        """Tokens are due for renewal, or end."""
        self._entra.clock.advance(seconds)
        now = self._entra.clock.time()
        self._sign_ins = [sign_in for sign_in in self._sign_ins if sign_in.ends > now + 1]

    @precondition(lambda self: self._sign_ins)
    @rule(
        connections=st.lists(st.lists(_VISITS, max_size=4), min_size=1, max_size=_CONNECTIONS),
        seed=st.integers(0, 255),
    )
    def visits(self, connections: Sequence[Sequence[Visit]], seed: int) -> None:
        """Requests come side by side, those of a connection one after the other."""
        self._chance.seed(seed)
        self._runner.run(self._serve(connections))

    def teardown(self) -> None:
        """Close the identity, and let it go."""
        self._runner.run(self._identity.aclose())
        self._runner.close()
        self._entra.close()

    async def _serve(self, connections: Sequence[Sequence[Visit]]) -> None:
        serving = map(self._connection, connections, self._connections)
        for failed in await asyncio.gather(*serving, return_exceptions=True):
            if failed is not None:
                raise failed

    async def _connection(self, visits: Sequence[Visit], place: contextvars.Context) -> None:
        # A server may run all requests of a kept-alive connection in one context.
        loop = asyncio.get_running_loop()
        for visit in visits:
            task = loop.create_task(self._visit(visit), context=place)
            if visit.cancelled_after is not None:
                await turns(visit.cancelled_after)
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _visit(self, visit: Visit) -> None:
        with self.seated() as slot:
            if visit.caller is None:
                await asyncio.gather(*(self._refused(way, visit) for way in self._chosen(visit)))
                return
            caller = pick(self._sign_ins, visit.caller)
            slot.principal = await self._validated(caller)
            calls = [self._judged(way, visit, caller) for way in self._chosen(visit)]
            if visit.acts_for is not None:
                other = pick(self._sign_ins, visit.acts_for)
                user = await self._validated(other)
                calls += [self._judged(way, visit, other, user) for way in self._chosen(visit)]
            await asyncio.gather(*calls)

    def _chosen(self, visit: Visit) -> list[Way]:
        return [pick(self._ways, number) for number in visit.ways if self._ways]

    async def _validated(self, sign_in: SignIn) -> Principal:
        field = [f"Bearer {sign_in.token}"]
        validator = self._identity.token_validator
        principal = await validator.validate_authorization(field, query_string=b"")
        _same("claims", dict(principal.claims), claims_of(sign_in.token))
        return principal

    async def _refused(self, way: Way, visit: Visit) -> None:
        try:
            seen = await self._call(way, visit)
        except UserRequiredError:
            return
        except MsidwebError as error:
            raise AssertionError("a request without a token acted for somebody") from error
        raise AssertionError(f"a request without a token acted for {seen.get('oid')}")

    async def _judged(
        self, way: Way, visit: Visit, who: SignIn, user: Principal | None = None
    ) -> None:
        seen = await self._call(way, visit, user)
        issue = self._entra.notary.issued.get(str(seen.get("uti")))
        wanted = {scope.rpartition("/")[2] for scope in way.scopes} - {".default"}
        _same("tenant", seen.get("tid"), who.tenant.id)
        _same("user", seen.get("oid"), who.user.object_id(who.tenant.id))
        _same("assertion", issue and issue.digest, who.digest)
        _same("permission", wanted - set(str(seen.get("scp")).split()), set())

    async def _call(
        self, way: Way, visit: Visit, user: Principal | None = None
    ) -> Mapping[str, Any]:
        self._tickets += 1
        ticket = str(self._tickets)

        def with_claims(options: DownstreamApiOptions) -> None:
            options.acquire_token_options.claims = _CLAIMS if visit.claims else None

        response = await self._identity.downstream_api.call_api_for_user(
            way.api,
            params={"ticket": ticket},
            scopes=way.scopes,
            options=with_claims,
            user=user,
        )
        seen: Mapping[str, Any] = response.raise_for_status().json()
        _same("answer", seen["query"].get("ticket"), ticket)
        return seen


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"the {what} is another's: {found!r} instead of {expected!r}")
