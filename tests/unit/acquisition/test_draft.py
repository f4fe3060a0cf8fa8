import asyncio

import pytest
from tests.support.token_endpoint import Bench, principal, refused

from msidweb.errors import InvalidCallError, TokenAcquisitionError

SCOPES = ["https://api.example/a"]
APP = "https://api.example/.default"


async def test_callbacks_add_headers_and_see_what_is_asked():
    seen = []

    def first(draft):
        seen.append((draft.flow, draft.scopes, draft.correlation_id))
        draft.headers["X-First"] = draft.tenant

    async def second(draft):
        await asyncio.sleep(0)
        draft.headers["X-Second"] = draft.headers["X-First"]

    bench = Bench(callbacks=[first, second])
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    await bench.acquirer.get_token_for_app(APP)
    user, app = bench.asked
    assert user.headers["x-first"] == user.headers["x-second"] == bench.options.tenant_id
    assert [flow for flow, _, _ in seen] == ["user", "app"]
    assert [sent for _, _, sent in seen] == [
        asked.headers["client-request-id"] for asked in (user, app)
    ]
    assert app.headers["x-first"] == bench.options.tenant_id


async def test_a_cached_token_calls_nobody_and_those_who_wait_call_once():
    seen = []
    bench = Bench(callbacks=[seen.append])
    await asyncio.gather(
        *(bench.acquirer.get_token_for_user(SCOPES, user=principal()) for _ in range(5))
    )
    await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    assert len(seen) == len(bench.asked) == 1


@pytest.mark.parametrize(
    "name",
    [
        "client-request-id",
        "X-AnchorMailbox",
        "x-client-SKU",
        "Authorization",
        "Host",
        "Cookie",
        "Content-Type",
        "Accept-Encoding",
    ],
)
async def test_what_the_request_has_is_not_replaced(name):
    bench = Bench(callbacks=[lambda draft: draft.headers.update({name: "mine"})])
    with pytest.raises(InvalidCallError) as caught:
        await bench.acquirer.get_token_for_user(SCOPES, user=principal())
    assert caught.value.code == "customized_token_request"
    assert not bench.asked


async def test_a_malformed_header_is_refused():
    bench = Bench(callbacks=[lambda draft: draft.headers.update({"X-Mine": "a\r\nb"})])
    with pytest.raises(InvalidCallError):
        await bench.acquirer.get_token_for_app(APP)
    assert not bench.asked


async def test_what_a_callback_raises_passes_as_it_is_and_is_not_remembered():
    failures = [LookupError("mine")]

    def fails(_):
        if failures:
            raise failures[0]

    bench = Bench(callbacks=[fails])
    with pytest.raises(LookupError) as caught:
        await bench.acquirer.get_token_for_app(APP)
    assert caught.value is failures.pop()
    assert await bench.acquirer.get_token_for_app(APP)
    assert len(bench.asked) == 1


async def test_a_repr_shows_no_header():
    drafts = []
    bench = Bench(
        callbacks=[lambda draft: draft.headers.update({"X-Mine": "hidden"}), drafts.append]
    )
    await bench.acquirer.get_token_for_app(APP)
    assert "hidden" not in repr(drafts)


async def test_a_refusal_of_entra_id_is_what_it_was():
    bench = Bench(lambda *_: refused(error="invalid_scope"), callbacks=[lambda _: None])
    with pytest.raises(TokenAcquisitionError) as caught:
        await bench.acquirer.get_token_for_app(APP)
    assert caught.value.correlation_id
