from __future__ import annotations

import pytest
from tests.support.signing import app_claims, user_claims
from tests.support.validating import KEY, Bench

from msidweb.configuration import Configuration
from msidweb.errors import AuthorizationError, ConfigurationError, InvalidCallError
from msidweb.validation import Requirement


async def user(**changes):
    return await Bench(user_roles_suffice=True).accept_claims(**changes)


async def application(**changes):
    return await Bench().accept(KEY.token(app_claims(**changes)))


def missing(requirement: Requirement, principal) -> tuple[tuple[str, ...], tuple[str, ...]]:
    with pytest.raises(AuthorizationError) as refusal:
        requirement.check(principal)
    assert refusal.value.response_status == 403
    return refusal.value.missing_scopes, refusal.value.missing_roles


async def test_z_all_scopes_are_needed():
    requirement = Requirement(["access_as_user", "other.scope"])
    requirement.check(await user())
    assert missing(requirement, await user(scp="access_as_user")) == (("other.scope",), ())


async def test_z_one_of_several_scopes_is_enough():
    requirement = Requirement(any_scope=["a", "access_as_user"])
    requirement.check(await user())
    assert missing(requirement, await user(scp="b")) == (("a", "access_as_user"), ())


async def test_z_a_scope_or_a_role_is_enough():
    requirement = Requirement(any_scope="access_as_user", any_role="Things.Read.All")
    requirement.check(await user())
    requirement.check(await application())
    requirement.check(await user(scp="b", roles=["Things.Read.All"]))
    assert missing(requirement, await user(scp="b")) == (("access_as_user",), ("Things.Read.All",))


async def test_z_all_scopes_hold_besides_any_role():
    requirement = Requirement("access_as_user", any_role="Admin")
    requirement.check(await user(roles=["Admin"]))
    assert missing(requirement, await user()) == ((), ("Admin",))
    assert missing(requirement, await application(roles=["Admin"])) == (("access_as_user",), ())


async def test_z_a_role_is_no_scope_and_a_scope_no_role():
    assert missing(Requirement(any_scope="x"), await user(scp="y", roles=["x"]))
    assert missing(Requirement(["x"]), await application(roles=["x"]))
    assert missing(Requirement(any_role="x"), await user(scp="x"))


@pytest.mark.parametrize("scopes", ["Access_As_User", "access_as", "access_as_user.x"])
async def test_z_names_are_compared_exactly(scopes):
    assert missing(Requirement(scopes), await user())


@pytest.mark.parametrize(
    "written", ["a b", "a,b", " a , b ", ["a", "b"], ("a b",), ["a,b", ""], ["a", "b", "a"]]
)
def test_z_configured_texts_and_lists_are_read_alike(written):
    assert Requirement(written).scopes == ("a", "b")
    assert Requirement(any_scope=written, any_role=written).any_role == ("a", "b")


@pytest.mark.parametrize("nothing", ["", " ", ",", [], [""], ()])
def test_z_a_requirement_of_nothing_is_refused(nothing):
    with pytest.raises(InvalidCallError):
        Requirement(nothing)
    with pytest.raises(InvalidCallError):
        Requirement(any_scope=nothing, any_role=nothing, clients=nothing)


async def test_z_users_only():
    requirement = Requirement(caller="user")
    requirement.check(await user())
    assert missing(requirement, await application()) == ((), ())
    assert missing(requirement, await user(oid=None)) == ((), ())
    assert missing(requirement, await user(scp=None, roles=["x"])) == ((), ())


async def test_z_applications_only():
    requirement = Requirement(caller="app")
    requirement.check(await application())
    assert missing(requirement, await user()) == ((), ())


async def test_z_listed_clients_only():
    requirement = Requirement(clients=[user_claims()["azp"]])
    requirement.check(await user())
    assert missing(requirement, await user(azp="another")) == ((), ())
    assert missing(requirement, await user(azp=None)) == ((), ())


async def test_requirements_are_values():
    assert Requirement("a b") == Requirement(["a", "b"])
    assert hash(Requirement("a")) == hash(Requirement("a"))


def test_z_a_scope_in_full_can_never_be_met_and_is_refused():
    with pytest.raises(InvalidCallError, match="require 'read'"):
        Requirement(scopes=["api://some-id/read"])


SETTINGS = Configuration.of_environment(
    environ={
        "AzureAd__Scopes": "a.read, b.read",
        "AzureAd__List__0": "a.read",
        "AzureAd__List__1": "b.read c.read",
        "AzureAd__Nested__Inner": "a.read",
        "AzureAd__Odd__0__Inner": "a.read",
        "AzureAd__Full": "api://x/a.read",
        "AzureAd__Blank": " , ",
    }
)


def configured(**keys):
    return Requirement.of(SETTINGS, **keys)


def test_z_names_may_stand_in_the_configuration():
    assert configured(required_scopes_configuration_key="azuread:scopes") == Requirement(
        any_scope=["a.read", "b.read"]
    )
    assert configured(
        scopes="access_as_user",
        any_scope="c.read",
        required_app_permissions_configuration_key="AzureAd:List",
    ) == Requirement(
        ["access_as_user"], any_scope=["c.read"], any_role=["a.read", "b.read", "c.read"]
    )


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("AzureAd:Scops", "did you mean Scopes?"),
        ("AzureAd:Blank", "is empty"),
        ("AzureAd:Nested", "must be text or a list of texts"),
        ("AzureAd:Odd", "must be text or a list of texts"),
    ],
)
def test_z_a_key_that_gives_no_names_is_refused(key, problem):
    with pytest.raises(ConfigurationError) as refused:
        configured(required_scopes_configuration_key=key)
    assert problem in str(refused.value)


def test_z_every_problem_of_the_keys_is_told_at_once():
    with pytest.raises(ConfigurationError) as refused:
        configured(
            any_scope="x",
            required_scopes_configuration_key="AzureAd:Scopes",
            required_app_permissions_configuration_key="AzureAd:Blank",
        )
    first, second = map(str, refused.value.problems)
    assert "AzureAd__Scopes" in first
    assert "stands beside names given in code" in first
    assert "is empty" in second


def test_z_a_configured_name_in_full_is_refused_too():
    with pytest.raises(InvalidCallError, match="tokens hold the bare name"):
        configured(required_scopes_configuration_key="AzureAd:Full")


@pytest.mark.parametrize("caller", ["usr", "", None, ["user"]])
def test_z_a_caller_of_an_unknown_kind_is_refused_as_it_would_let_everyone_in(caller):
    with pytest.raises(InvalidCallError, match="'any', 'user', 'app'"):
        Requirement("a", caller=caller)


@pytest.mark.parametrize("names", [None, 3, [3], b"a"])
def test_z_names_are_texts(names):
    with pytest.raises(InvalidCallError, match="scopes takes str"):
        Requirement(names)


@pytest.mark.parametrize("principal", [None, "alice"])
def test_z_only_a_principal_can_meet_a_requirement(principal):
    with pytest.raises(InvalidCallError, match="principal takes Principal"):
        Requirement("a").check(principal)
