from __future__ import annotations

import pytest
from tests.support.signing import CLIENT, TENANT

from msidweb.authority import Authority
from msidweb.configuration.options import MicrosoftIdentityOptions
from msidweb.errors import ConfigurationError
from msidweb.validation import ValidationPolicy

AUTHORITY = Authority("login.microsoftonline.com", TENANT)


def policy(**settings) -> ValidationPolicy:
    options = MicrosoftIdentityOptions.model_validate({"ClientId": CLIENT, **settings})
    return ValidationPolicy.of(options, AUTHORITY)


def test_the_defaults_are_those_of_dotnet():
    made = policy()
    assert made.audiences_for("2.0") == {CLIENT}
    assert made.audiences_for("1.0") == {f"api://{CLIENT}"}
    assert made.audiences_for("3.0") == frozenset()
    assert made.audiences_for(None) == frozenset()
    assert (made.clock_skew, made.longest_token, made.scheme) == (300, 65_536, "Bearer")


def test_a_client_id_is_needed():
    with pytest.raises(ConfigurationError, match="Second:ClientId: is missing"):
        ValidationPolicy.of(MicrosoftIdentityOptions(), AUTHORITY, place="Second")


def test_every_audience_option_counts():
    made = policy(
        Audience="a",
        Audiences=["b", ""],
        TokenValidationParameters={"ValidAudience": "c", "ValidAudiences": ["d"]},
    )
    assert made.audiences_for("2.0") == {"a", "b", "c", "d"}
    assert made.audiences_for("1.0") == {"a", "b", "c", "d"}


def test_every_issuer_option_counts():
    made = policy(TokenValidationParameters={"ValidIssuer": "a", "ValidIssuers": ["b"]})
    assert made.issuers == {"a", "b"}


def test_tenants_are_compared_in_lower_case():
    assert policy(AllowedTenants=["ABC"]).tenants == {"abc"}


def test_p1_acl_mode_needs_a_list_of_clients():
    assert policy(AllowWebApiToBeAuthorizedByACL=True).trusted_clients == frozenset()
    assert policy(AllowedClientApplications=["x"]).trusted_clients == frozenset()
    both = policy(AllowWebApiToBeAuthorizedByACL=True, AllowedClientApplications=["x"])
    assert both.trusted_clients == {"x"}


def test_the_remaining_options_are_taken_over():
    made = policy(
        AllowUserRolesWithoutScope=True,
        MaximumTokenSize=2_048,
        TokenValidationParameters={"ClockSkew": 0},
    )
    assert (made.user_roles_suffice, made.longest_token, made.clock_skew) == (True, 2_048, 0)
