"""Bugs that mix users up, for the tests that must notice them."""

import asyncio
import contextlib

import httpx

from msidweb import principal as principals
from msidweb.cache import TokenCache
from msidweb.integrations import starlette as adapter
from msidweb.integrations.starlette import EntraMiddleware
from msidweb.principal import CallerSlot


class KeyedByObjectId(TokenCache):
    """Names a token by object id and scopes: neither the tenant nor the assertion counts."""

    def find(self, partition, key):
        return super().find(key[3], self._short(key))

    def put(self, partition, entry):
        entry.key = self._short(entry.key)
        super().put(entry.key[3], entry)

    @staticmethod
    def _short(key):
        cloud, client, _, oid, components, scopes = key
        return (cloud, client, "", oid, components, scopes)


class KeyedWithoutScopes(TokenCache):
    """Takes any token of the same assertion."""

    def find(self, partition, key):
        return super().find(partition, (*key[:5], ()))

    def put(self, partition, entry):
        entry.key = (*entry.key[:5], ())
        super().put(partition, entry)


class OneSlot(EntraMiddleware):
    """Seats every request in the same slot."""

    _slot = CallerSlot()

    @contextlib.contextmanager
    def _seated(self, scope):
        scope[adapter._SEAT] = seat = adapter._Seat(self._identity, self._slot)
        token = principals._ambient.set(self._slot)
        try:
            yield seat
        finally:
            principals._ambient.reset(token)


class NeverReset(EntraMiddleware):
    """Leaves its slot in the context, where the next request finds and keeps it."""

    @contextlib.contextmanager
    def _seated(self, scope):
        slot = principals._ambient.get()
        if slot.principal is None:
            slot = CallerSlot()
            principals._ambient.set(slot)
        scope[adapter._SEAT] = seat = adapter._Seat(self._identity, slot)
        yield seat


class Swapping(httpx.AsyncBaseTransport):
    """Now and then gives two answers that are under way to each other's askers."""

    def __init__(self, inner):
        self._inner = inner
        self._open = []
        self._count = 0

    async def handle_async_request(self, request):
        held = [await self._inner.handle_async_request(request)]
        self._count += 1
        if self._open and self._count % 7 == 0:
            other = self._open.pop()
            held[0], other[0] = other[0], held[0]
            return held[0]
        self._open.append(held)
        for _ in range(10):
            await asyncio.sleep(0)
        if held in self._open:
            self._open.remove(held)
        return held[0]
