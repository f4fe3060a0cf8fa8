"""The machine that ships finds nothing in the product, and each bug that is planted."""

import contextlib
import io

import pytest
from hypothesis import Phase, settings
from tests.support.planted import KeyedByObjectId, KeyedWithoutScopes, Swapping

from msidweb import IdentityBuilder, InvalidCallError
from msidweb import principal as principals
from msidweb.configuration import Configuration
from msidweb.principal import CallerSlot
from msidweb.testing.isolation import REPEATABLE, IsolationMachine, check_isolation

# Finding is what counts here; the shortest way there is for those who must repair it.
FOUND_IS_ENOUGH = settings(REPEATABLE, phases=[Phase.generate], report_multiple_bugs=False)


def maker(tenant="organizations", **parts):
    def make():
        return (
            IdentityBuilder(Configuration.of_environment(environ={}))
            .add_microsoft_identity_web_api(tenant_id=tenant, client_id="c", client_secret="s")
            .enable_token_acquisition()
            .add_in_memory_token_caches()
            .add_downstream_api("Partner", base_url="https://p.example", scopes=["api://p/read"])
            .add_downstream_api(
                "Graph",
                base_url="https://graph.microsoft.com/v1.0",
                scopes=["https://graph.microsoft.com/.default"],
            )
            .add_downstream_api("Open", base_url="https://open.example")
            .override(**{name: part() for name, part in parts.items()})
            .build()
        )

    return make


@pytest.mark.parametrize("tenant", ["organizations", "contoso.onmicrosoft.com"])
def test_nothing_is_found_where_nothing_is_planted(tenant):
    check_isolation(maker(tenant))


class NeverResets(IsolationMachine):
    """Leaves a request's slot in the context, where the next one finds and keeps it."""

    @contextlib.contextmanager
    def seated(self):
        slot = principals._ambient.get()
        if slot.principal is None:
            slot = CallerSlot()
            principals._ambient.set(slot)
        yield slot


class Swaps(IsolationMachine):
    """Gives answers that are under way to each other's askers."""

    def between(self, transport):
        return super().between(Swapping(transport))


@pytest.mark.parametrize(
    ("make", "machine"),
    [
        pytest.param(maker(token_cache=KeyedByObjectId), None, id="cache-key-by-oid-only"),
        pytest.param(maker(token_cache=KeyedWithoutScopes), None, id="cache-key-no-scopes"),
        pytest.param(maker(), NeverResets, id="ambient-user-never-reset"),
        pytest.param(maker(), Swaps, id="two-answers-swapped"),
    ],
)
def test_a_planted_bug_is_found(make, machine):
    with pytest.raises(AssertionError, match=r"is another's|acted for"):
        check_isolation(make, machine=machine, settings=FOUND_IS_ENOUGH)


def test_every_run_tries_the_same():
    def steps():
        seen = io.StringIO()

        class Listening(IsolationMachine):
            async def _visit(self, visit):
                print(visit, file=seen)

        check_isolation(maker(), machine=Listening, settings=settings(REPEATABLE, max_examples=3))
        return seen.getvalue()

    assert steps() == steps()


def test_the_service_needs_no_downstream_api():
    check_isolation(
        lambda: (
            IdentityBuilder(Configuration.of_environment(environ={}))
            .add_microsoft_identity_web_api(tenant_id="common", client_id="c")
            .build()
        ),
        settings=settings(REPEATABLE, max_examples=5),
    )


async def test_it_is_refused_inside_of_a_loop():
    with pytest.raises(InvalidCallError, match="synchronous"):
        check_isolation(maker())
