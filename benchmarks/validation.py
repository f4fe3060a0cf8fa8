"""What does it cost to validate a token, the first time and later?"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import jwt
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from msidweb import TokenValidator
from msidweb.encoding import decode_base64url

from .measure import Row, best_of, plain, since
from .stage import Stage

FIRST_AIM = 2.2
AGAIN_AIM = 1 / 30


async def rows(*, number: int = 500, rounds: int = 15) -> list[Row]:
    stage = Stage()
    tokens = [stage.token() for _ in range(number)]
    key = stage.entra.keys[0].private.public_key()
    signatures = itertools.cycle([_taken_apart(token) for token in tokens])
    texts = itertools.cycle(tokens)
    issuer = f"{stage.entra.authority()}/v2.0"

    def verify() -> None:
        signature, signed = next(signatures)
        key.verify(signature, signed, PKCS1v15(), SHA256())

    def decode() -> None:
        jwt.decode(next(texts), key, ["RS256"], audience=stage.client_id, issuer=issuer)

    fields = [[f"Bearer {token}".encode()] for token in tokens]
    async with stage.identity(stage.entra.transport()) as identity:
        validator = identity.token_validator
        await validator.validate_authorization(fields[0])

        async def first_time() -> float:
            # A validator of its own has seen nothing; the authority's keys are there.
            identity.container.token_validator.reset()
            return await _each(identity.token_validator, fields)

        async def remembered() -> float:
            return await _each(validator, fields * 5)

        await remembered()
        first, verified, decoded, again = await best_of(
            first_time,
            plain(verify, number=number),
            plain(decode, number=number),
            remembered,
            rounds=rounds,
        )
    return [
        Row("first sight of a token", first, verified, "the RSA verification alone", FIRST_AIM),
        Row("first sight of a token", first, decoded, "pyjwt's decode"),
        Row("a token seen before", again, decoded, "pyjwt's decode", AGAIN_AIM),
    ]


async def _each(validator: TokenValidator, fields: Sequence[Sequence[bytes]]) -> float:
    started = time.perf_counter()
    for field in fields:
        await validator.validate_authorization(field)
    return since(started, len(fields))


def _taken_apart(token: str) -> tuple[bytes, bytes]:
    signed, _, signature = token.rpartition(".")
    return decode_base64url(signature), signed.encode()
