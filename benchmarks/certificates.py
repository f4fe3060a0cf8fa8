"""What does a cold token cost of an application that proves itself with a certificate?"""

from __future__ import annotations

import functools
import itertools
import uuid

import msal

from msidweb import AcquireTokenOptions, CertificateWithKey, CredentialDescription, Identity
from msidweb.testing import SigningKey

from .acquisition import for_application
from .measure import Row, awaited, best_of, plain
from .stage import NullEntra, Stage
from .stock import msal_application


async def rows(*, number: int = 100, rounds: int = 9) -> list[Row]:
    stage = Stage()
    answer = for_application(await stage.answer())
    key = stage.entra.add_certificate(stage.sample.api)
    scope = f"{stage.sample.partner.app_id_uri}/.default"
    described = CredentialDescription(
        source_type="Certificate", certificate=CertificateWithKey(key.pem)
    )
    stock = functools.partial(msal_application, stage, answer, credential=_stock(key))
    async with stage.identity(NullEntra(answer), credential=described) as identity:
        kept, kept_by_msal, new, new_by_msal = await best_of(
            awaited(functools.partial(_forced, identity, scope), number=number),
            plain(functools.partial(_emptied, stock(), scope), number=number),
            awaited(functools.partial(_elsewhere, identity, scope), number=number),
            plain(lambda: _emptied(stock(), scope), number=number),
            rounds=rounds,
        )
    return [
        Row("a cold token by certificate", kept, kept_by_msal, "MSAL, its assertion kept too"),
        Row("the same of a new tenant, so signed anew", new, new_by_msal, "a new MSAL application"),
    ]


def _stock(key: SigningKey) -> dict[str, str]:
    return {
        "private_key": key.pem.partition(b"-----BEGIN CERTIFICATE")[0].decode(),
        "public_certificate": key.certificate_pem.decode(),
    }


_numbers = itertools.count()


async def _forced(identity: Identity, scope: str) -> None:
    options = AcquireTokenOptions(force_refresh=True)
    await identity.token_acquirer.get_token_for_app(scope, options=options)


async def _elsewhere(identity: Identity, scope: str) -> None:
    tenant = str(uuid.UUID(int=next(_numbers)))
    options = AcquireTokenOptions(tenant=tenant)
    await identity.token_acquirer.get_token_for_app(scope, options=options)


def _emptied(application: msal.ConfidentialClientApplication, scope: str) -> None:
    application.remove_tokens_for_client()
    answer = application.acquire_token_for_client([scope])
    assert answer["token_source"] == "identity_provider"
