"""An API for every organization: both ask the tenant of the token for its issuer and its keys."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from tests.peers.cast import Cloud, served

from msidweb.testing import App, Tenant, User

pytestmark = pytest.mark.netpeer


@dataclass(frozen=True)
class World:
    """Two tenants, one API for both."""

    cloud: Cloud
    api: App
    fabrikam: Tenant
    fred: User
    scope: str
    both: tuple[httpx.Client, httpx.Client]

    def statuses(self, token: str, path: str = "/me", **params: str) -> list[int]:
        """What .NET answers, and what ours does."""
        headers = {"Authorization": f"Bearer {token}"}
        return [api.get(path, params=params, headers=headers).status_code for api in self.both]


@pytest.fixture(scope="module")
def world(cloud, start) -> Iterator[World]:
    entra = cloud.entra
    fabrikam = entra.add_tenant("fabrikam-of-many")
    partner = entra.add_app("partner-of-many", scopes=["read"], multi_tenant=True)
    api = entra.add_app("api-of-many", scopes=["access_as_user"], multi_tenant=True)
    entra.consent(client=api, resource=partner, tenant=fabrikam)
    fred = entra.add_user("Fred", tenant=fabrikam, guest_in=[entra.tenant])
    with (
        start(cloud, api, tenant="organizations") as dotnet,
        served(cloud, api=api, TenantId="organizations") as (ours, _),
    ):
        yield World(cloud, api, fabrikam, fred, partner.scope("read"), (dotnet.http, ours))


Make = Callable[[World], str]


def freds(world: World, **details) -> str:
    return world.cloud.entra.user_token(world.fred, resource=world.api, **details)


def alices(world: World, **details) -> str:
    return world.cloud.entra.user_token(world.cloud.sample.alice, resource=world.api, **details)


def of_a_guest(world: World) -> str:
    return freds(world, tenant=world.cloud.entra.tenant)


def under_a_false_name(world: World) -> str:
    return freds(world, claims={"tid": world.cloud.entra.tenant.id})


def by_an_unknown_tenant(world: World) -> str:
    tenant = str(uuid.uuid4())
    issuer = f"https://login.microsoftonline.com/{tenant}/v2.0"
    return freds(world, claims={"tid": tenant, "iss": issuer})


def of_a_template(world: World) -> str:
    return freds(world, claims={"iss": "https://login.microsoftonline.com/{tenantid}/v2.0"})


TABLE: dict[str, tuple[Make, int]] = {
    "at home": (alices, 200),
    "of another tenant": (freds, 200),
    "of another tenant, version 1": (lambda world: freds(world, version=1), 200),
    "of a guest": (of_a_guest, 200),
    "a tenant id that is not the issuer's": (under_a_false_name, 401),
    "without a tenant id": (lambda world: freds(world, claims={"tid": None}), 401),
    "an issuer that is the template": (of_a_template, 401),
    "another issuer": (lambda world: freds(world, claims={"iss": "https://example.com/"}), 401),
    "another API": (
        lambda w: w.cloud.entra.user_token(w.fred, resource=w.cloud.sample.partner),
        401,
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_both_judge_a_token_alike(world, name):
    make, status = TABLE[name]

    assert world.statuses(make(world)) == [status, status]


def test_both_exchange_in_the_tenant_of_the_caller(world):
    assert world.statuses(freds(world), "/token", scope=world.scope) == [200, 200]

    asked = world.cloud.entra.wire.token_requests[-2:]
    assert [request.tenant for request in asked] == [world.fabrikam.id] * 2


def test_consent_of_one_tenant_is_none_of_another(world):
    assert world.statuses(alices(world), "/token", scope=world.scope) == [401, 401]
