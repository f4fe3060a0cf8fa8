"""Client credentials, refresh tokens, passwords; secrets and certificates of clients."""

import base64
import time

import jwt
import pytest

from msidweb.testing import ManualClock

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def test_an_app_gets_its_roles_and_no_user_things(ask, entra, sample):
    answer = await ask(
        sample.daemon, grant_type="client_credentials", scope=sample.api.default_scope
    )

    body = answer.json()
    claims = entra.recognize(body["access_token"])
    assert claims["roles"] == ["Orders.Read.All"]
    assert claims["idtyp"] == "app"
    assert claims["oid"] == claims["sub"] == sample.daemon.service_principal(entra.tenant.id)
    assert not {"scope", "refresh_token", "id_token", "client_info"} & body.keys()
    assert not {"scp", "preferred_username", "upn"} & claims.keys()


@pytest.mark.parametrize("scope", ["{0}/access_as_user", "{0}/.default {0}/.default", "{0}"])
async def test_an_app_asks_for_exactly_one_default_scope(ask, sample, scope):
    response = await ask(
        sample.daemon, grant_type="client_credentials", scope=scope.format(sample.api.app_id_uri)
    )

    assert response.json()["error_codes"] == [1002012]


async def test_an_app_asks_one_tenant(ask, sample):
    response = await ask(
        sample.daemon,
        tenant="common",
        grant_type="client_credentials",
        scope=sample.api.default_scope,
    )

    assert response.json()["error_codes"] == [9002313]


async def test_an_app_without_roles_gets_a_token_without_roles(ask, entra, sample):
    plain = entra.add_app("plain-api", id_type_claim=False)

    answer = await ask(sample.daemon, grant_type="client_credentials", scope=plain.default_scope)

    assert not {"roles", "idtyp"} & entra.recognize(answer.json()["access_token"]).keys()


async def password_answer(ask, sample, **fields):
    scope = f"{sample.api.scope('access_as_user')} openid offline_access"
    form = {"username": sample.alice.upn, "password": sample.alice.password, "scope": scope}
    return await ask(sample.spa, grant_type="password", **{**form, **fields})


async def test_a_password_signs_in(ask, entra, sample):
    body = (await password_answer(ask, sample)).json()

    assert entra.recognize(body["access_token"])["oid"] == sample.alice.oid


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"password": "wrong"}, 50126),
        ({"username": "nobody@contoso.onmicrosoft.com"}, 50034),
        ({"scope": "User.Read"}, 65001),
    ],
)
async def test_a_sign_in_is_refused(ask, sample, fields, code):
    assert (await password_answer(ask, sample, **fields)).json()["error_codes"] == [code]


async def test_under_common_the_user_name_names_the_tenant(ask, entra, sample):
    body = (await password_answer(ask, sample, tenant="common")).json()

    assert entra.recognize(body["access_token"])["tid"] == entra.tenant.id


async def refresh(ask, sample, token, **fields):
    form = {"scope": sample.api.scope("access_as_user"), **fields}
    return await ask(sample.spa, grant_type="refresh_token", refresh_token=token, **form)


@pytest.fixture
async def refresh_token(ask, sample) -> str:
    return (await password_answer(ask, sample)).json()["refresh_token"]


async def test_a_refresh_token_renews_for_other_resources_too(ask, entra, sample, refresh_token):
    entra.consent(client=sample.spa, resource=entra.graph, scopes=["User.Read"])

    for tenant in (None, "common"):
        answer = await refresh(
            ask, sample, refresh_token, scope="User.Read offline_access", tenant=tenant
        )
        assert (
            entra.recognize(answer.json()["access_token"])["aud"] == "https://graph.microsoft.com"
        )
        assert answer.json()["refresh_token"] != refresh_token


async def test_an_unknown_refresh_token_is_refused(ask, sample):
    body = (await refresh(ask, sample, "1.unknown")).json()

    assert body["error_codes"] == [70000]
    assert body["suberror"] == "bad_token"


async def test_a_refresh_token_belongs_to_its_client(ask, sample, refresh_token):
    response = await ask(
        sample.daemon,
        grant_type="refresh_token",
        refresh_token=refresh_token,
        scope=sample.api.scope("access_as_user"),
    )

    assert response.json()["error_codes"] == [70000]


async def test_a_refresh_token_ends_after_ninety_days(
    ask, sample, refresh_token, clock: ManualClock
):
    clock.advance(90 * 86_400)

    assert (await refresh(ask, sample, refresh_token)).json()["error_codes"] == [700082]


async def test_a_refresh_token_ends_with_the_session(ask, entra, sample, refresh_token):
    entra.revoke_sessions(sample.alice)

    assert (await refresh(ask, sample, refresh_token)).json()["error_codes"] == [50173]


async def test_a_refresh_token_is_no_way_into_a_strange_tenant(ask, entra, sample, refresh_token):
    fabrikam = entra.add_tenant("fabrikam")
    response = await ask(
        entra.public_client,
        tenant=fabrikam.id,
        grant_type="refresh_token",
        refresh_token=refresh_token,
        scope="User.Read",
    )
    assert response.json()["error_codes"] == [70000]

    entra.consent(client=entra.public_client, resource=entra.graph)
    signed_in = await ask(
        entra.public_client,
        grant_type="password",
        username=sample.alice.upn,
        password=sample.alice.password,
        scope="User.Read offline_access",
    )
    response = await ask(
        entra.public_client,
        tenant=fabrikam.id,
        grant_type="refresh_token",
        refresh_token=signed_in.json()["refresh_token"],
        scope="User.Read",
    )
    assert response.json()["error_codes"] == [90072]


async def test_lifetimes_are_what_they_are_set_to(ask, entra, sample):
    entra.lifetimes.expires_in = 7200
    entra.lifetimes.ext_expires_in = 9000
    entra.lifetimes.refresh_in = 3600

    body = (await password_answer(ask, sample)).json()

    claims = entra.recognize(body["access_token"])
    assert claims["exp"] - claims["iat"] == body["expires_in"] == 7200
    assert (body["ext_expires_in"], body["refresh_in"]) == (9000, 3600)


async def test_an_expired_secret_is_told_from_a_wrong_one(ask, entra, sample, clock: ManualClock):
    secret = entra.add_secret(sample.daemon, expires_at=clock.time() + 10)
    form = {"grant_type": "client_credentials", "scope": sample.api.default_scope}

    good = await ask(sample.daemon, client_secret=secret, **form)
    clock.advance(10)
    late = await ask(sample.daemon, client_secret=secret, **form)
    entra.remove_secrets(sample.daemon)
    gone = await ask(sample.daemon, client_secret=secret, **form)

    assert good.status_code == 200
    assert late.json()["error_codes"] == [7000222]
    assert gone.json()["error_codes"] == [7000215]


async def test_the_secret_may_come_in_a_basic_field(client, entra, sample):
    form = {"grant_type": "client_credentials", "scope": sample.api.default_scope}
    pair = (sample.daemon.client_id, sample.daemon.client_secret)

    good = await client.post(entra.token_endpoint(), data=form, auth=pair)
    bad = await client.post(entra.token_endpoint(), data=form, headers={"Authorization": "Basic !"})

    assert good.status_code == 200
    assert bad.json()["error_codes"] == [900144]


@pytest.fixture
def certificate(entra, sample):
    entra.remove_secrets(sample.daemon)
    return entra.add_certificate(sample.daemon)


@pytest.fixture
def assertion(entra, sample, certificate, clock):
    """A client assertion as it should be, apart from what a test changes."""

    def make(*, header=None, algorithm="PS256", key=None, **claims):
        now = int(clock.time())
        payload = {
            "aud": entra.token_endpoint(),
            "iss": sample.daemon.client_id,
            "sub": sample.daemon.client_id,
            "jti": "1",
            "nbf": now,
            "exp": now + 600,
            **claims,
        }
        header = {"x5t": certificate.kid} if header is None else header
        return jwt.encode(payload, key or certificate.private, algorithm=algorithm, headers=header)

    return make


async def with_assertion(ask, sample, assertion, **fields):
    form = {"client_assertion_type": ASSERTION_TYPE, **fields}
    return await ask(
        sample.daemon,
        grant_type="client_credentials",
        scope=sample.api.default_scope,
        client_assertion=assertion,
        **form,
    )


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
async def test_a_certificate_is_found_in_every_form(ask, sample, assertion, certificate, algorithm):
    x5c = base64.b64encode(certificate.certificate).decode()
    digest = entra_thumbprint(certificate.certificate)
    for header in ({"x5t": certificate.kid}, {"x5t#S256": digest}, {"x5c": [x5c]}, {"x5c": x5c}):
        signed = assertion(header=header, algorithm=algorithm)

        answer = await with_assertion(ask, sample, signed)

        assert answer.status_code == 200, header


async def test_the_token_tells_that_a_certificate_was_used(ask, entra, sample, assertion):
    answer = await with_assertion(ask, sample, assertion())

    assert entra.recognize(answer.json()["access_token"])["azpacr"] == "2"


def entra_thumbprint(der: bytes) -> str:
    import hashlib

    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


async def test_times_may_be_digit_strings_as_dotnet_writes_them(ask, sample, assertion, clock):
    now = int(clock.time())

    signed = assertion(nbf=str(now), exp=str(now + 600))

    assert (await with_assertion(ask, sample, signed)).status_code == 200


async def test_an_assertion_out_of_its_time_is_refused(ask, sample, assertion, clock):
    now = int(clock.time())
    for times in ({"exp": now - 301}, {"nbf": now + 301}, {"exp": None}):
        answer = await with_assertion(ask, sample, assertion(**times))

        assert answer.json()["error_codes"] == [700024], times
        assert answer.status_code == 401


async def test_a_foreign_assertion_is_refused(ask, entra, sample, assertion):
    other = entra.add_certificate(sample.api)
    wrong = (
        assertion(key=other.private),
        assertion(header={"x5t": other.kid}),
        assertion(header={}),
        assertion(iss="somebody"),
        assertion(aud="https://elsewhere.example/token"),
        "no.jwt.atall",
    )

    for signed in wrong:
        answer = await with_assertion(ask, sample, signed)
        assert answer.json()["error_codes"] == [700027]


async def test_an_assertion_names_its_type(ask, sample, assertion):
    answer = await with_assertion(ask, sample, assertion(), client_assertion_type=None)

    assert answer.json()["error_codes"] == [900144]


def test_the_real_clock_is_the_default():
    from msidweb.testing import EntraEmulator

    assert abs(EntraEmulator().clock.time() - time.time()) < 60
