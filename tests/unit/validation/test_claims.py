from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.signing import (
    CLIENT,
    NOW,
    OTHER_TENANT,
    PERSONAL,
    TENANT,
    app_claims,
    key_pair,
    user_claims,
    v1_claims,
)
from tests.support.validating import KEY, Bench, key_set

from msidweb.errors import (
    ExpiredTokenError,
    InvalidClaimError,
    MetadataUnavailableError,
)

V2 = "https://login.microsoftonline.com/{}/v2.0"
ANY = "{tenantid}"


def many(tenant: str = "organizations", **policy) -> Bench:
    return Bench(tenant=tenant, keys=key_set(tenant=ANY), **policy)


def of_tenant(tenant: str, **changes) -> dict:
    return {"tid": tenant, "iss": V2.format(tenant), **changes}


async def test_a_user_token_makes_a_user():
    principal = await Bench(scheme="Second").accept_claims(roles=["Admin"])
    assert (principal.tenant_id, principal.object_id) == (TENANT, user_claims()["oid"])
    assert principal.client_id == "cccccccc-0000-0000-0000-000000000001"
    assert principal.scopes == {"access_as_user", "other.scope"}
    assert principal.roles == {"Admin"}
    assert not principal.is_app
    assert principal.expires_at == NOW + 3600
    assert principal.scheme == "Second"
    assert principal.claims == user_claims(roles=["Admin"])


async def test_v1_tokens_name_their_client_in_appid():
    principal = await Bench().accept(KEY.token(v1_claims(azp="not this one")))
    assert principal.client_id == v1_claims()["appid"]


async def test_an_application_token_makes_an_application():
    principal = await Bench().accept(KEY.token(app_claims()))
    assert principal.is_app
    assert principal.scopes == frozenset()
    assert principal.roles == {"Things.Read.All"}


async def test_the_principal_holds_the_token_for_an_exchange():
    token = KEY.token(user_claims())
    assert (await Bench().accept(token)).assertion.token == token


@pytest.mark.parametrize("name", ["TID", "Tid", "SCP", "Roles", "AUD", "EXP", "Cnf", "Azp"])
async def test_c0_another_spelling_of_a_claim_that_counts_is_refused(name):
    assert await Bench().refuse_claims(**{name: "x"}) == "C0"


async def test_c0_other_claims_may_differ_in_case():
    assert await Bench().accept_claims(name="a", Name="b", Scope="c")


@pytest.mark.parametrize(
    "name", ["iss", "sub", "tid", "oid", "azp", "appid", "ver", "idtyp", "scp"]
)
@pytest.mark.parametrize("value", [5, True, ["x"], {"x": 1}, 1.5])
async def test_c1_texts_must_be_texts(name, value):
    assert await Bench().refuse_claims(**{name: value}) == "C1"


@pytest.mark.parametrize("name", ["iss", "oid", "scp", "idtyp"])
async def test_c1_null_is_no_text(name):
    assert await Bench().refuse(KEY.token(user_claims() | {name: None})) == "C1"


@pytest.mark.parametrize("roles", ["Admin", {"Admin": 1}, ["Admin", 5], [None], 5])
async def test_c1_roles_must_be_a_list_of_texts(roles):
    assert await Bench().refuse_claims(roles=roles) == "C1"


async def test_c1_null_roles_are_no_list():
    assert await Bench().refuse(KEY.token(user_claims() | {"roles": None})) == "C1"


@pytest.mark.parametrize(
    "audience", [CLIENT, [CLIENT], ["other", CLIENT], [CLIENT, "api://other", "x"]]
)
async def test_c2_one_exact_audience_is_enough(audience):
    assert await Bench().accept_claims(aud=audience)


@pytest.mark.parametrize(
    "audience",
    [
        "",
        [],
        [""],
        5,
        {CLIENT: 1},
        [None, CLIENT],
        [CLIENT, 5],
        [[CLIENT]],
        CLIENT.upper(),
        CLIENT + "/",
        CLIENT + " ",
        CLIENT[:-1],
        CLIENT + "x",
        f"{CLIENT},other",
        f"api://{CLIENT}",
        f"api://{CLIENT}/",
        "https://graph.microsoft.com",
    ],
)
async def test_c2_any_other_audience_is_refused(audience):
    assert await Bench().refuse_claims(aud=audience) == "C2"


async def test_c2_a_missing_audience_is_refused():
    assert await Bench().refuse_claims(aud=None) == "C2"


async def test_c2_v1_tokens_are_for_the_uri_of_the_api():
    assert await Bench().accept(KEY.token(v1_claims()))
    assert await Bench().refuse(KEY.token(v1_claims(aud=CLIENT))) == "C2"


async def test_c2_configured_audiences_replace_the_derived_ones():
    bench = Bench(audiences=frozenset({"api://mine"}))
    assert await bench.accept_claims(aud="api://mine")
    assert await bench.refuse_claims(aud=CLIENT) == "C2"
    assert await bench.refuse_claims(aud="api://mine/") == "C2"


@pytest.mark.parametrize("skew", [0, 300])
async def test_c3_fk1_a_token_ends_with_exp_and_the_skew(skew):
    bench = Bench(clock_skew=skew)
    assert await bench.accept_claims(exp=NOW - skew + 1, nbf=None)
    assert await bench.refuse_claims(exp=NOW - skew, nbf=None) == "C3"
    with pytest.raises(ExpiredTokenError):
        await bench.validator.validate(KEY.token(user_claims(exp=NOW - skew, nbf=None)))


@pytest.mark.parametrize("name", ["nbf", "iat"])
async def test_c3_fk1_a_token_begins_with_nbf_and_iat_and_the_skew(name):
    bench = Bench()
    assert await bench.accept_claims(**{name: NOW + 300})
    assert await bench.refuse_claims(**{name: NOW + 300.5}) == "C3"


async def test_c3_nbf_after_exp_is_refused():
    assert await Bench().refuse_claims(exp=NOW - 200, nbf=NOW - 100) == "C3"
    assert await Bench().accept_claims(exp=NOW + 100, nbf=NOW + 100)


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", ["1795557405", True, False, [], {}, 0, -1, -0.5, 253_402_300_800, 10**30]
)
async def test_c3_times_are_numbers_in_range(name, value):
    assert await Bench().refuse_claims(**{name: value}) == "C3"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
async def test_c3_null_is_no_time(name):
    assert await Bench().refuse(KEY.token(user_claims() | {name: None})) == "C3"


async def test_c3_exp_is_required_and_the_others_are_not():
    assert await Bench().refuse_claims(exp=None) == "C3"
    assert await Bench().accept_claims(nbf=None, iat=None)


async def test_c3_fractions_and_long_lives_are_fine():
    assert await Bench().accept_claims(exp=NOW + 28 * 3600 + 0.5, nbf=NOW - 0.5)


@pytest.mark.parametrize("tid", ["", "contoso.example", PERSONAL.upper(), ANY, "common"])
async def test_c4_tid_is_a_lower_case_guid(tid):
    assert await Bench().refuse_claims(tid=tid) == "C4"
    assert await many().refuse_claims(**of_tenant(tid)) == "C4"


async def test_c4_tid_is_required():
    assert await Bench().refuse_claims(tid=None) == "C4"


@pytest.mark.parametrize(
    "issuer",
    [
        V2.format(OTHER_TENANT),
        V2.format(TENANT) + "/",
        V2.format(TENANT).removesuffix("/v2.0"),
        V2.format(TENANT).replace("https", "http"),
        f"https://login.windows.net/{TENANT}/v2.0",
        f"https://evil.example/{TENANT}/v2.0",
        f"https://sts.windows.net/{TENANT}",
        "",
    ],
)
async def test_c4_any_other_issuer_is_refused(issuer):
    assert await Bench().refuse_claims(iss=issuer) == "C4"
    assert await many().refuse_claims(iss=issuer) == "C4"


async def test_c4_the_issuer_keeps_its_case():
    claims = of_tenant(PERSONAL) | {"iss": V2.format(PERSONAL.upper())}
    assert await many("common").refuse_claims(**claims) == "C4"


async def test_c4_the_issuer_is_required():
    assert await Bench().refuse_claims(iss=None) == "C4"


async def test_c4_one_tenant_takes_no_other():
    assert await Bench().refuse_claims(**of_tenant(OTHER_TENANT)) == "C4"


async def test_c4_one_tenant_holds_even_where_the_issuer_is_a_template():
    keys = replace(key_set(tenant=ANY), tenant=TENANT)
    assert await Bench(keys=keys).refuse_claims(**of_tenant(OTHER_TENANT)) == "C4"


@pytest.mark.parametrize(
    ("configured", "tenant", "accepted"),
    [
        ("organizations", OTHER_TENANT, True),
        ("organizations", PERSONAL, False),
        ("common", OTHER_TENANT, True),
        ("common", PERSONAL, True),
        ("consumers", OTHER_TENANT, False),
        ("consumers", PERSONAL, True),
    ],
)
async def test_c4_meta_tenants(configured, tenant, accepted):
    token = KEY.token(user_claims(**of_tenant(tenant)))
    if accepted:
        assert (await many(configured).accept(token)).tenant_id == tenant
    else:
        assert await many(configured).refuse(token) == "C4"


async def test_c4_only_allowed_tenants_are_accepted():
    bench = many(tenants=frozenset({TENANT}))
    assert await bench.accept_claims()
    assert await bench.refuse_claims(**of_tenant(OTHER_TENANT)) == "C4"


async def test_c4_listed_issuers_are_accepted_besides():
    bench = Bench(issuers=frozenset({V2.format(OTHER_TENANT)}))
    assert await bench.accept_claims(**of_tenant(OTHER_TENANT))
    assert await bench.accept_claims()
    assert await bench.refuse_claims(iss=V2.format(OTHER_TENANT)) == "C4"
    assert await bench.refuse_claims(**of_tenant(PERSONAL)) == "C4"


async def test_c4_listed_issuers_may_be_templates_and_v1():
    bench = Bench(issuers=frozenset({"https://sts.example/{tenantid}/"}))
    token = v1_claims(tid=OTHER_TENANT, iss=f"https://sts.example/{OTHER_TENANT}/")
    assert await bench.accept(KEY.token(token))
    assert await bench.refuse(KEY.token(token | {"ver": "2.0", "aud": CLIENT})) == "C5"


@pytest.mark.parametrize("version", ["2.0", "1.0"])
async def test_c5_the_version_must_fit_the_issuer(version):
    wrong = {
        "2.0": user_claims(iss=f"https://sts.windows.net/{TENANT}/"),
        "1.0": v1_claims(iss=V2.format(TENANT)),
    }[version]
    assert await Bench().refuse(KEY.token(wrong)) == "C5"


@pytest.mark.parametrize("version", [None, "3.0", "2", ""])
async def test_c5_the_version_is_one_of_two(version):
    bench = Bench(audiences=frozenset({CLIENT}))
    assert await bench.refuse_claims(ver=version) == "C5"


async def test_v1_tokens_cannot_be_judged_before_the_v1_document_came():
    bench = Bench(keys=replace(key_set(), issuer_v1=None))
    with pytest.raises(MetadataUnavailableError):
        await bench.validator.validate(KEY.token(v1_claims()))
    assert await bench.accept_claims()


@pytest.mark.parametrize("claims", [user_claims, v1_claims])
async def test_k4_a_key_bound_to_another_tenant_is_refused(claims):
    keys = key_set(KEY.jwk(issuer=V2.format(OTHER_TENANT)), tenant=ANY)
    bench = Bench(tenant="organizations", keys=keys)
    assert await bench.refuse(KEY.token(claims())) == "K4"
    assert await bench.accept_claims(**of_tenant(OTHER_TENANT))


@pytest.mark.parametrize("issuer", [None, V2.format(ANY), V2.format(TENANT)])
@pytest.mark.parametrize("claims", [user_claims, v1_claims])
async def test_k4_a_key_of_the_tokens_tenant_or_of_any_is_accepted(issuer, claims):
    assert await Bench(keys=key_set(KEY.jwk(issuer=issuer))).accept(KEY.token(claims()))


@pytest.mark.parametrize("scopes", [None, "", " ", "   "])
async def test_p1_a_token_without_scope_and_role_is_refused(scopes):
    assert await Bench().refuse_claims(scp=scopes) == "P1"
    assert await Bench().refuse_claims(scp=scopes, roles=[]) == "P1"
    assert await Bench().refuse_claims(scp=scopes, scope="admin", role="admin") == "P1"


async def test_p1_listed_clients_need_neither_scope_nor_role():
    client = user_claims()["azp"]
    bench = Bench(trusted_clients=frozenset({client}))
    assert (await bench.accept_claims(scp=None)).client_id == client
    assert await bench.refuse_claims(scp=None, azp="another") == "P1"
    assert await bench.refuse_claims(scp=None, azp=None) == "P1"
    assert await bench.refuse_claims(scp=None, azp=None, appid=client) == "P1"


async def test_p2_scopes_are_split_on_spaces_and_keep_their_case():
    principal = await Bench().accept_claims(scp="A.Read  b,c\td")
    assert principal.scopes == {"A.Read", "b,c\td"}


async def test_p2_roles_are_exact_members():
    claims = app_claims(roles=["X R.All"])
    assert (await Bench().accept(KEY.token(claims))).roles == {"X R.All"}


@pytest.mark.parametrize("scopes", ["access_as_user", ""])
async def test_p3_an_application_has_no_scopes(scopes):
    assert await Bench().refuse_claims(idtyp="app", scp=scopes, roles=["x"]) == "P3"


@pytest.mark.parametrize(
    "changes",
    [{}, {"idtyp": "user"}, {"idtyp": "user", "sub": user_claims()["oid"]}, {"sub": None}],
)
async def test_p4_a_users_roles_do_not_count_without_a_scope(changes):
    assert await Bench().refuse_claims(scp=None, roles=["Admin"], **changes) == "P4"
    principal = await Bench(user_roles_suffice=True).accept_claims(
        scp=None, roles=["Admin"], **changes
    )
    assert not principal.is_app


async def test_p4_equal_oid_and_sub_prove_an_application():
    claims = app_claims(idtyp=None)
    assert (await Bench().accept(KEY.token(claims))).is_app
    assert await Bench().refuse(KEY.token(app_claims(idtyp=None, oid=None, sub=None))) == "P4"


@pytest.mark.parametrize("bound", [{"x5t#S256": "x"}, {}, "x"])
async def test_p5_a_bound_token_is_no_bearer_token(bound):
    assert await Bench().refuse_claims(cnf=bound) == "P5"


async def test_time_comes_before_audience_and_audience_before_issuer():
    bench = Bench()
    assert await bench.refuse_claims(exp=1, aud="x", iss="x", scp=None) == "C3"
    assert await bench.refuse_claims(aud="x", iss="x", scp=None) == "C2"
    assert await bench.refuse_claims(iss="x", scp=None) == "C4"


async def test_the_signature_comes_before_every_claim():
    token = key_pair("other").token(user_claims(exp=1, aud="x"), kid="first")
    assert await Bench().refuse(token) == "S2"


async def test_messages_hold_no_claim():
    for changes in ({"aud": "canary"}, {"iss": "canary"}, {"ver": "canary"}, {"scp": ["canary"]}):
        with pytest.raises(InvalidClaimError) as refusal:
            await Bench().validator.validate(KEY.token(user_claims(**changes)))
        assert "canary" not in str(refusal.value)
