"""What type checkers must infer for downstream calls; checked, never run."""

from collections.abc import AsyncIterator
from typing import IO, Any, assert_type

import httpx
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypedDict

from msidweb.configuration.options import DownstreamApiOptions
from msidweb.downstream import DownstreamApi, DownstreamAuth, NamedDownstreamApi


class UserData(BaseModel):
    name: str


class Settings(TypedDict):
    theme: str


async def models(api: DownstreamApi, partner: NamedDownstreamApi) -> UserData:
    assert_type(await api.get_for_user("P", "x", response_model=UserData), UserData)
    assert_type(await api.get_for_app("P", response_model=list[UserData]), list[UserData])
    assert_type(await partner.post_for_user("x", json={}, response_model=Settings), Settings)
    assert_type(await partner.put_for_app("x", response_model=int), int)
    assert_type(await partner.head_for_user(response_model=httpx.Response), httpx.Response)
    either = TypeAdapter[UserData | None](UserData | None)
    assert_type(await partner.get_for_user("x", response_model=either), UserData | None)
    return await partner.get_for_user("api/users/me", response_model=UserData)


async def without_a_model(api: DownstreamApi, partner: NamedDownstreamApi) -> None:
    parsed = await api.get_for_user("P")
    assert_type(parsed, Any)
    assert_type(await partner.delete_for_user("x"), Any)


async def raw(api: DownstreamApi, partner: NamedDownstreamApi) -> None:
    assert_type(await api.call_api("P"), httpx.Response)
    assert_type(await partner.call_api_for_app("x"), httpx.Response)


async def streams(api: DownstreamApi, partner: NamedDownstreamApi) -> None:
    async with api.call_api("P", stream=True) as response:
        assert_type(response, httpx.Response)
    async with partner.call_api_for_app("x", stream=True, timeout=1) as response:
        assert_type(response, httpx.Response)
    assert_type(await partner.call_api_for_user("x", stream=False), httpx.Response)


async def bodies(partner: NamedDownstreamApi, file: IO[bytes]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b""

    await partner.put_for_user("x", content=file)
    await partner.post_for_user("x", data={"a": 1}, files={"f": file})
    await partner.put_for_user("x", content=pieces())
    await partner.put_for_user("x", content=pieces)


def auths(api: DownstreamApi, partner: NamedDownstreamApi) -> httpx.Auth:
    assert_type(api.auth(["s"], base_url="https://x"), DownstreamAuth)
    return partner.auth(for_app=True)


async def options(api: DownstreamApi) -> None:
    def override(options: DownstreamApiOptions) -> None:
        options.relative_path = "x"

    await api.get_for_user("P", options=override)
    await api.get_for_user("P", options=DownstreamApiOptions(relative_path="x"))


async def mistakes(api: DownstreamApi, partner: NamedDownstreamApi) -> None:
    await api.get_for_user("P", jsn=1)  # type: ignore[call-arg]
    await partner.get_for_app("x", session_key="k")  # type: ignore[call-arg]
    await partner.get_for_user("x", timeout="1")  # type: ignore[arg-type]
    await partner.get_for_user("x", content=[1])  # type: ignore[arg-type]
    async with partner.call_api("x"):  # type: ignore[attr-defined]
        pass
    wrong: int = await partner.get_for_user("x", response_model=UserData)  # type: ignore[arg-type]
    assert wrong
