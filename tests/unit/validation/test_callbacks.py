import asyncio

import pytest
from tests.support.validating import KEY, Bench, user_claims

from msidweb.errors import AuthorizationError


async def test_callbacks_see_every_caller_also_one_who_is_remembered():
    seen = []

    async def later(principal):
        await asyncio.sleep(0)
        seen.append(principal.object_id)

    bench = Bench(callbacks=[lambda principal: seen.append(principal.tenant_id), later])
    token = KEY.token(user_claims())
    principal = await bench.accept(token)
    await bench.accept(token)
    assert seen == [principal.tenant_id, principal.object_id] * 2


@pytest.mark.parametrize("mine", [AuthorizationError("not you"), LookupError("mine")])
async def test_a_callback_may_refuse_and_its_error_passes_as_it_is(mine):
    def refuse(_):
        raise mine

    bench = Bench(callbacks=[refuse, pytest.fail])
    for _ in range(2):
        with pytest.raises(type(mine)) as caught:
            await bench.accept(KEY.token(user_claims()))
        assert caught.value is mine


async def test_a_refused_token_is_shown_to_nobody():
    bench = Bench(callbacks=[pytest.fail])
    assert await bench.refuse_claims(aud="another")
