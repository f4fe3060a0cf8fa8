"""Unmodified MSAL for Python against the emulator over TLS."""

import hashlib
import json

import msal
import pytest
from tests.support.entra_server import Served, served_entra


@pytest.fixture
def served(monkeypatch):
    with served_entra(monkeypatch) as served:
        yield served


@pytest.fixture
def application(served: Served):
    def make(app=None, *, tenant=None, **arguments):
        app = app or served.sample.api
        options = {
            "client_credential": app.client_secret if app.secrets else None,
            "authority": served.entra.authority(tenant),
            "instance_discovery": False,
            "verify": served.server.ca_file,
            **arguments,
        }
        return msal.ConfidentialClientApplication(app.client_id, **options)

    return make


def trade(application, served: Served, token=None, **arguments):
    token = token or served.entra.user_token(served.sample.alice, resource=served.sample.api)
    scopes = [served.sample.partner.scope("read")]
    return application.acquire_token_on_behalf_of(token, scopes, **arguments)


def test_client_credentials_come_from_the_network_once(application, served):
    daemon = application(served.sample.daemon)
    scope = [served.sample.api.default_scope]

    first = daemon.acquire_token_for_client(scope)
    second = daemon.acquire_token_for_client(scope)

    assert first["access_token"] == second["access_token"]
    assert second["token_source"] == "cache"
    assert served.entra.wire.count("token") == 1


def test_a_wrong_secret_is_reported(application, served):
    daemon = application(served.sample.daemon, client_credential="wrong")

    answer = daemon.acquire_token_for_client([served.sample.api.default_scope])

    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]


@pytest.mark.parametrize("form", ["thumbprint", "public_certificate"])
def test_a_certificate_signs_in(application, served, form):
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    daemon = served.sample.daemon
    served.entra.remove_secrets(daemon)
    key = served.entra.add_certificate(daemon)
    certificate = x509.load_der_x509_certificate(key.certificate)
    credential = {
        "private_key": key.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        "thumbprint": hashlib.sha1(key.certificate, usedforsecurity=False).hexdigest(),
        "public_certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }
    unused = {"thumbprint", "public_certificate"} - {form}
    for name in unused:
        del credential[name]

    answer = application(daemon, client_credential=credential).acquire_token_for_client(
        [served.sample.api.default_scope]
    )

    assert served.entra.recognize(answer["access_token"])["azpacr"] == "2"


def test_on_behalf_of_gives_the_users_token(application, served):
    answer = trade(application(), served)

    claims = served.entra.recognize(answer["access_token"])
    assert claims["oid"] == served.sample.alice.oid
    assert answer["refresh_token"]
    assert answer["id_token_claims"]["preferred_username"] == served.sample.alice.upn


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda s: s.entra.user_token(s.sample.alice, resource=s.sample.partner), 50013),
        (
            lambda s: s.entra.user_token(s.sample.alice, resource=s.sample.api, expires_in=-1),
            500133,
        ),
        (lambda s: s.entra.app_token(client=s.sample.daemon, resource=s.sample.api), 7000114),
    ],
)
def test_on_behalf_of_is_refused_for_a_bad_assertion(application, served, make, code):
    assert trade(application(), served, make(served))["error_codes"] == [code]


def test_on_behalf_of_tells_that_consent_is_missing(application, served):
    served.entra.revoke_consent(client=served.sample.api, resource=served.sample.partner)

    answer = trade(application(), served)

    assert (answer["error"], answer["suberror"]) == ("invalid_grant", "consent_required")


def test_a_refresh_token_renews(application, served):
    api = application()
    traded = trade(api, served)

    renewed = api.acquire_token_by_refresh_token(
        traded["refresh_token"], [served.sample.partner.scope("write")]
    )

    assert served.entra.recognize(renewed["access_token"])["scp"] == "write"


def test_a_cached_account_is_renewed_silently_and_by_force(application, served):
    api = application()
    trade(api, served)
    (account,) = api.get_accounts()
    scopes = [served.sample.partner.scope("read")]

    silent = api.acquire_token_silent(scopes, account)
    forced = api.acquire_token_silent(scopes, account, force_refresh=True)

    assert account["home_account_id"] == f"{served.sample.alice.oid}.{served.entra.tenant.id}"
    assert silent["token_source"] == "cache"
    assert forced["access_token"] != silent["access_token"]


def test_an_oidc_authority_is_accepted(application, served):
    authority = f"{served.entra.authority()}/v2.0"
    api = application(authority=None, oidc_authority=authority)

    assert "access_token" in trade(api, served)


def test_the_common_authority_serves_users(application, served):
    assert "access_token" in trade(application(tenant="common"), served)


def test_a_claims_challenge_comes_out_and_goes_in(application, served):
    policy = served.entra.require_mfa(served.sample.partner)
    api = application(client_capabilities=["cp1"])

    refused = trade(api, served)
    strong = served.entra.user_token(served.sample.alice, resource=served.sample.api, mfa=True)
    answer = trade(api, served, strong, claims_challenge=refused["claims"])

    assert policy.id in refused["claims"]
    sent = json.loads(served.entra.wire.token_requests[-1].form["claims"])
    assert sent["access_token"].keys() == {"capolids", "xms_cc"}
    assert served.entra.recognize(answer["access_token"])["xms_cc"] == ["CP1"]


def test_throttling_is_obeyed_without_asking_again(application, served):
    api = application()
    token = served.entra.user_token(served.sample.alice, resource=served.sample.api)
    served.entra.fail_next("token", status=429, retry_after=60)

    first, second = trade(api, served, token), trade(api, served, token)

    assert first["error"] == second["error"] == "temporarily_unavailable"
    assert served.entra.wire.count("token") == 1


def test_an_outage_is_raised(application, served):
    import requests

    api = application(http_client=trusting(served))
    served.entra.fail_next("token", status=503, retry_after=1)

    with pytest.raises((requests.HTTPError, msal.exceptions.MsalServiceError)):
        trade(api, served)


def trusting(served: Served):
    import requests

    session = requests.Session()
    session.verify = served.server.ca_file
    return session


METADATA = (
    *("token_endpoint", "authorization_endpoint", "issuer", "jwks_uri", "userinfo_endpoint"),
    *("device_authorization_endpoint", "end_session_endpoint", "response_types_supported"),
)


@pytest.mark.parametrize("field", METADATA)
def test_msal_needs_two_metadata_fields(application, served, field):
    served.entra.fail_next("metadata", leave_out=[field], times=None)
    needed = field in {"token_endpoint", "authorization_endpoint"}

    try:
        works = "access_token" in trade(application(), served)
    except (KeyError, ValueError, AttributeError):
        works = False

    assert works is not needed


TOKEN = (
    *("token_type", "scope", "expires_in", "ext_expires_in", "access_token"),
    *("refresh_token", "id_token", "client_info"),
)


@pytest.mark.parametrize("field", TOKEN)
def test_msal_needs_one_token_field(application, served, field):
    served.entra.fail_next("token", leave_out=[field])

    answer = trade(application(), served)

    assert ("access_token" in answer) is (field != "access_token")


def test_msal_knows_no_account_without_id_token_and_client_info(application, served):
    api = application()
    served.entra.fail_next("token", leave_out=["id_token", "client_info"])
    trade(api, served)

    assert api.get_accounts() == []
