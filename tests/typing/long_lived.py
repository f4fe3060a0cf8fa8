"""What type checkers must infer for connections that end with their token; checked, never run."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Annotated, assert_type

from fastapi import Security

from msidweb import Identity, Principal
from msidweb.integrations.fastapi import EntraAuth, OptionalAuth
from msidweb.integrations.long_lived import still_valid, until_expiry, while_valid


def functions(identity: Identity, user: Principal, items: AsyncIterator[int]) -> None:
    assert_type(still_valid(identity, user), bool)
    assert_type(while_valid(identity, user, items), AsyncGenerator[int, None])
    with_identity: AbstractAsyncContextManager[None] = until_expiry(identity, user)
    assert with_identity


def methods(identity: Identity, user: Principal, items: AsyncIterator[str]) -> None:
    entra = EntraAuth(identity)
    assert_type(entra.optional, OptionalAuth)
    assert_type(entra.still_valid(user), bool)
    assert_type(entra.while_valid(user, items), AsyncGenerator[str, None])
    assert_type(entra.until_expiry(user), AbstractAsyncContextManager[None])


def endpoint(entra: EntraAuth) -> object:
    return Annotated[Principal | None, Security(entra.optional, scopes=["read"])]
