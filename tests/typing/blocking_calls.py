"""What type checkers must infer for blocking calls; checked, never run."""

from contextlib import AbstractContextManager
from typing import Any, assert_type

import httpx
from pydantic import BaseModel, TypeAdapter

from msidweb import AcquiredToken, Identity, Principal


class UserData(BaseModel):
    name: str


def models(identity: Identity) -> UserData:
    api = identity.blocking.downstream_api
    partner = api.named("P")
    assert_type(api.get_for_user("P", "x", response_model=UserData), UserData)
    assert_type(api.get_for_app("P", response_model=list[UserData]), list[UserData])
    assert_type(partner.put_for_app("x", json={}, response_model=int), int)
    either = TypeAdapter[UserData | None](UserData | None)
    assert_type(partner.get_for_user("x", response_model=either), UserData | None)
    assert_type(api.get_for_user("P"), Any)
    assert_type(partner.call_api_for_app("x"), httpx.Response)
    assert_type(partner.call_api("x", stream=True), AbstractContextManager[httpx.Response])
    return partner.get_for_user("api/users/me", response_model=UserData)


def tokens(identity: Identity) -> None:
    with identity.blocking as blocking:
        assert_type(blocking.token_acquirer.get_token_for_app("a/.default"), AcquiredToken)
        assert_type(blocking.token_validator.validate("token", timeout=1), Principal)
        provider = blocking.authorization_header_provider
        assert_type(provider.create_authorization_header_for_user(["s"]), str)


def mistakes(identity: Identity) -> None:
    partner = identity.blocking.downstream_api.named("P")
    partner.get_for_user("P", jsn=1)  # type: ignore[call-arg]
    partner.get_for_app("x", session_key="k")  # type: ignore[call-arg]
    partner.get_for_user("x", timeout="1")  # type: ignore[arg-type]
    wrong: int = partner.get_for_user("x", response_model=UserData)  # type: ignore[assignment]
    assert wrong
