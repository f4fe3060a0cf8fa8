"""One table of tokens, asked of the real Microsoft.Identity.Web and of this package."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.peers.cast import Cloud

from msidweb.challenge import parse_challenges

pytestmark = pytest.mark.netpeer


@dataclass(frozen=True)
class Row:
    """A token and its fate.

    Attributes:
        name: What is special about it.
        make: Makes it.
        status: The answer of the real library.
        ours: Our answer where it is another on purpose.
        difference: Its number in docs/explanation/differences.md.
    """

    name: str
    make: Callable[[Cloud], str]
    status: int
    ours: int | None = None
    difference: int | None = None


def alices(cloud: Cloud, **details) -> str:
    return cloud.entra.user_token(
        cloud.sample.alice, resource=details.pop("resource", cloud.sample.api), **details
    )


def dated(**seconds: float) -> Callable[[Cloud], str]:
    """Time claims that lie so many seconds from now; all in the past but ``exp`` unless given."""
    times = {"iat": -3600, "nbf": -3600, "exp": 3600} | seconds

    def make(cloud: Cloud) -> str:
        now = int(time.time())
        return alices(cloud, claims={name: now + shift for name, shift in times.items()})

    return make


def claiming(version: int = 2, **claims: object) -> Callable[[Cloud], str]:
    return lambda cloud: alices(cloud, version=version, claims=claims)


def headed(**header: object) -> Callable[[Cloud], str]:
    return lambda cloud: cloud.entra.sign(claims_of(alices(cloud)), header)


def keyless(cloud: Cloud) -> str:
    return jwt.encode(claims_of(alices(cloud)), cloud.entra.keys[-1].private, algorithm="RS256")


def slashed(cloud: Cloud) -> str:
    return alices(cloud, version=1, claims={"aud": f"{cloud.sample.api.app_id_uri}/"})


def of_the_other_issuer(cloud: Cloud) -> str:
    return alices(cloud, claims={"iss": f"https://sts.windows.net/{cloud.entra.tenant.id}/"})


def claims_of(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(document: object) -> str:
    return base64url(json.dumps(document).encode())


def altered(cloud: Cloud) -> str:
    header, payload, signature = alices(cloud).split(".")
    padded = payload + "=" * (-len(payload) % 4)
    claims = json.loads(base64.urlsafe_b64decode(padded)) | {"oid": cloud.sample.bob.oid}
    return f"{header}.{encoded(claims)}.{signature}"


def unsigned(cloud: Cloud) -> str:
    return jwt.encode(claims_of(alices(cloud)), None, algorithm="none")


def cut(cloud: Cloud) -> str:
    return alices(cloud)[:-20]


def by_another_key(cloud: Cloud) -> str:
    token = alices(cloud)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode(claims_of(token), key, algorithm="RS256", headers={"kid": kid})


def by_the_public_key(cloud: Cloud) -> str:
    """HS256 over what everybody knows; PyJWT would not sign so."""
    token = alices(cloud)
    kid = jwt.get_unverified_header(token)["kid"]
    public = cloud.entra.keys[-1].private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encoded({'alg': 'HS256', 'kid': kid, 'typ': 'JWT'})}.{token.split('.')[1]}"
    mac = hmac.digest(pem, signed.encode(), "sha256")
    return f"{signed}.{base64url(mac)}"


def of_another_tenant(cloud: Cloud) -> str:
    tenant = cloud.entra.add_tenant("fabrikam")
    stranger = cloud.entra.add_user("Mallory", tenant=tenant)
    return cloud.entra.user_token(stranger, resource=cloud.sample.api)


def of_an_application(cloud: Cloud) -> str:
    return cloud.entra.app_token(client=cloud.sample.daemon, resource=cloud.sample.api)


def of_an_application_without_roles(cloud: Cloud) -> str:
    return cloud.entra.app_token(client=cloud.sample.partner, resource=cloud.sample.api)


TABLE = (
    Row("version 2", claiming(2), 200),
    Row("version 1", claiming(1), 200),
    Row("of an application with a role", of_an_application, 200),
    Row("ended within the skew", dated(exp=-240), 200),
    Row("begins within the skew", dated(iat=-60, nbf=240), 200),
    Row("expired", dated(exp=-600), 401),
    Row("not valid yet", dated(nbf=600), 401),
    Row("without an end", claiming(exp=None), 401),
    Row("for another API", lambda c: alices(c, resource=c.sample.partner), 401),
    Row("for Graph", lambda c: alices(c, resource=c.entra.graph, scopes=["User.Read"]), 401),
    Row("for nobody", claiming(aud=None), 401),
    Row("of another tenant", of_another_tenant, 401),
    Row("of another issuer", claiming(iss="https://login.example.com/common/v2.0"), 401),
    Row("of another cloud", claiming(iss="https://login.microsoftonline.us/common/v2.0"), 401),
    Row("of no issuer", claiming(iss=None), 401),
    Row("altered", altered, 401),
    Row("version and audience disagree", claiming(2, ver="1.0"), 401),
    Row("of no version", claiming(ver=None), 401),
    Row("cut", cut, 401),
    Row("unsigned", unsigned, 401),
    Row("by another key", by_another_key, 401),
    Row("by the public key", by_the_public_key, 401),
    Row("an id token", lambda c: c.entra.id_token(c.sample.alice, client=c.sample.api), 401),
    Row("without permissions", claiming(scp=None), 401),
    Row("of an application without roles", of_an_application_without_roles, 401),
    Row("no token at all", lambda _: "nonsense", 401),
    Row("of an unknown key", headed(kid="unknown"), 200, 401, 2),
    Row("of no named key", keyless, 200, 401, 2),
    Row("of a type of ours", headed(typ="at+jwt"), 200),
    Row("with what must be understood", headed(crit=["b64"], b64=True), 200, 401, 1),
    Row("padded", lambda cloud: alices(cloud) + "==", 200, 401, 3),
    Row("an end that is text", lambda c: alices(c, claims={"exp": "4000000000"}), 200, 401, 4),
    Row("issued in the future", dated(iat=3000), 200, 401, 4),
    Row("permissions in a list", claiming(scp=["access_as_user"]), 200, 401, 6),
    Row("a foreign type", headed(typ="dpop+jwt"), 200, 401, 1),
    Row("a slash behind the audience", slashed, 200, 401, 4),
    Row("version and issuer disagree", of_the_other_issuer, 200, 401, 5),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_both_judge_a_token_alike(cloud, dotnet, ours, row):
    headers = {"Authorization": f"Bearer {row.make(cloud)}"}

    theirs = dotnet.get("/me", headers=headers)
    answer = ours.get("/me", headers=headers)

    assert theirs.status_code == row.status
    assert answer.status_code == (row.ours or row.status)
    assert (row.ours is None) is (row.difference is None)
    if theirs.status_code == answer.status_code == 200:
        assert answer.json() == theirs.json()


FIELDS = {
    "Bearer {}": 200,
    "bearer {}": 200,
    "BEARER {}": 200,
    "Bearer  {}": 200,
    "Bearer\t{}": 401,
    "Bearer{}": 401,
    "Basic {}": 401,
    "Bearer {} more": 401,
    "Bearer {0}, Bearer {0}": 401,
    'Bearer "{}"': 401,
    "{}": 401,
    "Bearer": 401,
}


@pytest.mark.parametrize("field", FIELDS)
def test_both_read_a_field_alike(cloud, dotnet, ours, field):
    headers = {"Authorization": field.format(alices(cloud))}

    statuses = [api.get("/me", headers=headers).status_code for api in (dotnet, ours)]

    assert statuses == [FIELDS[field]] * 2


def test_a_call_without_a_token_is_challenged_alike(dotnet, ours):
    fields = [
        (answer.status_code, answer.headers.get_list("www-authenticate"))
        for answer in (dotnet.get("/me"), ours.get("/me"))
    ]

    assert fields == [(401, ["Bearer"])] * 2


def test_our_parser_reads_the_real_challenge(cloud, dotnet):
    answer = dotnet.get("/me", headers={"Authorization": f"Bearer {dated(exp=-600)(cloud)}"})

    (challenge,) = parse_challenges(answer.headers.get_list("www-authenticate"))
    assert challenge.scheme == "bearer"
    assert challenge.parameters["error"] == "invalid_token"
    assert "expired" in challenge.parameters["error_description"]
