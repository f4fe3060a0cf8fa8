"""What type checkers must accept as an answer with a challenge; checked, never run."""

from collections.abc import Mapping
from typing import assert_type

import aiohttp
import httpx
import requests

from msidweb.client import ConsentRequiredError, find_challenge, raise_for_challenge
from msidweb.errors import DownstreamApiError


def answers(
    ours: DownstreamApiError, modern: httpx.Response, classic: requests.Response
) -> tuple[str | None, tuple[str, ...]]:
    try:
        raise_for_challenge(ours)
        raise_for_challenge(modern)
        raise_for_challenge(classic)
    except ConsentRequiredError as challenge:
        return challenge.claims, challenge.scopes
    return None, ()


async def parts(response: aiohttp.ClientResponse, plain: Mapping[str, str]) -> None:
    found = find_challenge(response.status, response.headers, await response.read())
    assert_type(found, ConsentRequiredError | None)
    find_challenge(401, plain, "text")
