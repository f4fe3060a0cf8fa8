import pytest
from tests.support.connecting import connecting


@pytest.fixture(params=["httpx", "aiohttp"])
async def connect(request):
    async with connecting(request.param) as connect:
        yield connect
