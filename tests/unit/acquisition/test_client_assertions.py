"""What a certificate puts on the wire, beside stock MSAL's; and when it is another assertion."""

import jwt
import msal
import pytest
from tests.support.certificates import made
from tests.support.token_endpoint import CLIENT, NOW, TENANT, Bench, principal
from tests.unit.acquisition.test_msal_writer import ENDPOINT, VOLATILE, CapturingClient

from msidweb.configuration import AcquireTokenOptions, CertificateWithKey, CredentialDescription


def credential():
    given = CertificateWithKey(made().pem())
    return CredentialDescription(source_type="Certificate", certificate=given)


def bench_of(**options):
    return Bench(client_secret=None, client_credentials=[credential()], **options)


def parts(assertion):
    """Header and claims; the audience and the signature are checked."""
    claims = jwt.decode(
        assertion,
        made().key.public_key(),
        algorithms=["PS256"],
        audience=ENDPOINT,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    header = jwt.get_unverified_header(assertion)
    return header | {"x5t#S256": header["x5t#S256"].rstrip("=")}, claims


@pytest.mark.parametrize("flow", ["user", "app"])
@pytest.mark.parametrize("capabilities", [None, ["cp1"]])
async def test_a_request_with_a_certificate_is_that_of_stock_msal(flow, capabilities):
    client = CapturingClient()
    stock = msal.ConfidentialClientApplication(
        CLIENT,
        authority=f"https://login.microsoftonline.com/{TENANT}",
        client_credential={
            "private_key": made().key_pem().decode(),
            "public_certificate": made().certificate_pem.decode(),
        },
        client_capabilities=capabilities,
        http_client=client,
        instance_discovery=False,
    )
    bench = bench_of(send_x5c=True, client_capabilities=capabilities)
    if flow == "user":
        stock.acquire_token_on_behalf_of("user.one.token", ["r/a"])
        await bench.acquirer.get_token_for_user(["r/a"], user=principal())
    else:
        stock.acquire_token_for_client(["r/.default"])
        await bench.acquirer.get_token_for_app("r/.default")

    [ours] = bench.asked
    theirs = {name: str(value) for name, value in client.form.items()}
    assertion = client.form["client_assertion"]
    theirs["client_assertion"] = ours.form["client_assertion"]
    assert dict(ours.form) == theirs
    sent = {name.lower(): value for name, value in client.headers.items()}
    assert {name: ours.headers[name] for name in sent.keys() - VOLATILE} == {
        name: value for name, value in sent.items() if name not in VOLATILE
    }

    (header, claims), (msals, their_claims) = (
        parts(ours.form["client_assertion"]),
        parts(assertion),
    )
    msals["x5c"] = ["".join(one.split()) for one in msals["x5c"]]
    assert header == msals
    same = ("aud", "iss", "sub")
    assert [claims[name] for name in same] == [their_claims[name] for name in same]
    assert claims["exp"] - claims["nbf"] == their_claims["exp"] - their_claims["iat"] == 600
    # MSAL tells when it was issued; MSAL.NET, and we, from when it is valid.
    assert claims.keys() ^ their_claims.keys() == {"iat", "nbf"}


async def test_without_send_x5c_no_certificate_is_sent():
    bench = bench_of()
    await bench.acquirer.get_token_for_app("r/.default")
    header, claims = parts(bench.asked[0].form["client_assertion"])
    assert header.keys() == {"alg", "typ", "x5t#S256"}
    assert claims["nbf"] == int(NOW)


async def test_requests_share_an_assertion_for_five_minutes_and_no_longer():
    bench = bench_of()
    options = AcquireTokenOptions(force_refresh=True)

    async def ids(count):
        for _ in range(count):
            await bench.acquirer.get_token_for_app("r/.default", options=options)
        return {parts(asked.form["client_assertion"])[1]["jti"] for asked in bench.asked}

    assert len(await ids(3)) == 1
    bench.clock.advance(299)
    assert len(await ids(3)) == 1
    bench.clock.advance(1)
    assert len(await ids(3)) == 2


async def test_each_tenant_gets_an_assertion_of_its_own():
    bench = bench_of()
    for tenant in (TENANT, "99999999-8888-7777-6666-555555555555"):
        await bench.acquirer.get_token_for_app(
            "r/.default", options=AcquireTokenOptions(tenant=tenant)
        )
    audiences = [
        jwt.decode(asked.form["client_assertion"], options={"verify_signature": False})["aud"]
        for asked in bench.asked
    ]
    assert audiences == [asked.url for asked in bench.asked]
    assert len(set(audiences)) == 2
