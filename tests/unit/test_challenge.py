import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msidweb.challenge import (
    MAX_CHALLENGES,
    MAX_CLAIMS,
    MAX_CLAIMS_DEPTH,
    MAX_FIELDS,
    Challenge,
    answer_for,
    bearer,
    claims_challenge,
    decode_claims,
    encode_claims,
    parse_challenges,
)
from msidweb.errors import (
    AuthorizationError,
    CredentialError,
    DownstreamApiError,
    DownstreamTimeoutError,
    ExpiredTokenError,
    InvalidCallError,
    InvalidClaimError,
    InvalidSignatureError,
    MalformedTokenError,
    MetadataUnavailableError,
    MissingTokenError,
    ThrottledError,
    UnknownKeyError,
    UserChallengeError,
)

CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
VISIBLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


def consent(*scopes: str, claims: str | None = None) -> UserChallengeError:
    return UserChallengeError("consent", scopes=scopes, claims=claims, aadsts=65001)


def sign_in(*scopes: str, claims: str | None = None) -> UserChallengeError:
    return UserChallengeError("sign in", scopes=scopes, claims=claims, aadsts=50076)


def challenge_in(headers) -> dict[str, str]:
    (challenge,) = parse_challenges([headers["WWW-Authenticate"]])
    assert challenge.scheme == "bearer"
    return dict(challenge.parameters)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Bearer", [("bearer", {})]),
        ('Bearer realm="a b", error="x"', [("bearer", {"realm": "a b", "error": "x"})]),
        ("bearer error=x", [("bearer", {"error": "x"})]),
        (r'Bearer a="q\"uo\\te"', [("bearer", {"a": 'q"uo\\te'})]),
        ('Bearer a="1", A="2"', [("bearer", {"a": "1"})]),
        ('Bearer a="1",, b="2"', [("bearer", {"a": "1", "b": "2"})]),
        ("Negotiate, Bearer a=1", [("negotiate", {}), ("bearer", {"a": "1"})]),
        ("Negotiate abc==, Bearer a=1", [("negotiate", {}), ("bearer", {"a": "1"})]),
        ("Negotiate abc, Bearer a=1", [("negotiate", {}), ("bearer", {"a": "1"})]),
        ("PoP nonce=n1, Bearer a=1", [("pop", {"nonce": "n1"}), ("bearer", {"a": "1"})]),
        ('Bearer a="never closed', [("bearer", {})]),
        ('"quoted" first', []),
        ("", []),
    ],
)
def test_a_field_is_read_as_rfc_9110_writes_it(field, expected):
    assert parse_challenges([field]) == [Challenge(*pair) for pair in expected]


def test_each_field_is_read_for_itself():
    assert [c.scheme for c in parse_challenges(["Basic", "Bearer a=1"])] == ["basic", "bearer"]


@given(st.text())
def test_whatever_stands_in_a_field_reading_it_ends_in_challenges(value):
    for challenge in parse_challenges([value]):
        assert challenge.scheme == challenge.scheme.lower()


@given(st.text(st.sampled_from('ab"\\=, \t')))
def test_reading_is_total_on_the_signs_of_the_grammar(value):
    parse_challenges([value])
    claims_challenge([value])


@given(scope=VISIBLE, error=VISIBLE)
def test_a_challenge_is_read_as_it_was_written(scope, error):
    (challenge,) = parse_challenges([bearer(error=error, scope=scope)])

    assert challenge.parameters == {"error": error, "scope": scope}


@given(st.text(), st.text())
def test_no_value_breaks_out_of_its_quotes_or_of_the_line(first, second):
    field = bearer(error=first, scope=second)

    assert all(" " <= sign <= "~" for sign in field)
    (challenge,) = parse_challenges([field])
    assert list(challenge.parameters) == ["error", "scope"]


@pytest.mark.parametrize("evil", ['x", claims="y', "x\r\nSet-Cookie: a=b", "x\\", "x\x00", "ünï"])
def test_injected_signs_stay_inside_the_value(evil):
    field = bearer(scope=evil)

    assert "\r" not in field
    assert "\n" not in field
    assert list(parse_challenges([field])[0].parameters) == ["scope"]


def test_a_challenge_without_parameters_is_the_scheme_alone():
    assert bearer() == "Bearer"


@pytest.mark.parametrize(
    "form",
    [
        CLAIMS,
        base64.b64encode(CLAIMS.encode()).decode(),
        base64.b64encode(CLAIMS.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(CLAIMS.encode()).decode(),
        base64.urlsafe_b64encode(b'{"k":"\xc3\xbf\xc3\xbe?"}').decode().rstrip("="),
    ],
)
def test_claims_are_taken_in_every_form_that_is_in_use(form):
    assert json.loads(decode_claims(form) or "") in (json.loads(CLAIMS), {"k": "ÿþ?"})


@pytest.mark.parametrize(
    "value",
    [
        "",
        "é",
        "not base64!",
        "[]",
        base64.b64encode(b"[1]").decode(),
        base64.b64encode(b"\xff\xfe").decode(),
        "{" + '"a":{' * 2_000,
        '{"a":"' + "x" * MAX_CLAIMS + '"}',
        '{"a":"' + "é" * (MAX_CLAIMS // 2) + '"}',
        "A" * (MAX_CLAIMS * 2 + 1),
        '{"a":' * MAX_CLAIMS_DEPTH + "{}" + "}" * MAX_CLAIMS_DEPTH,
        '{"a":' + "[" * MAX_CLAIMS_DEPTH + "]" * MAX_CLAIMS_DEPTH + "}",
    ],
)
def test_what_is_no_small_json_object_is_no_claims_request(value):
    assert decode_claims(value) is None


@given(st.text())
def test_decoding_claims_never_raises(value):
    decode_claims(value)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_claims_survive_the_way_to_the_client(request):
    text = json.dumps(request)

    assert decode_claims(encode_claims(text)) == text


def test_only_a_bearer_challenge_for_claims_gives_a_claims_request():
    encoded = encode_claims(CLAIMS)

    assert claims_challenge([f'Bearer error="insufficient_claims", claims="{encoded}"']) == CLAIMS
    assert claims_challenge([f'Bearer error="invalid_token", claims="{encoded}"']) is None
    assert claims_challenge([f'PoP error="insufficient_claims", claims="{encoded}"']) is None
    assert claims_challenge(['Bearer error="insufficient_claims"']) is None
    assert claims_challenge([]) is None


def test_an_unreadable_claims_request_does_not_hide_the_next_one():
    fields = [
        'Bearer error="insufficient_claims", claims="%%%"',
        f'Bearer error="insufficient_claims", claims="{encode_claims(CLAIMS)}"',
    ]

    assert claims_challenge(fields) == CLAIMS


def test_a_missing_token_is_answered_without_an_error_code():
    answer = answer_for(MissingTokenError("none", rule="T0"))

    assert (answer.status, answer.headers) == (401, {"WWW-Authenticate": "Bearer"})


def test_refusals_have_three_bodies_and_tell_no_cause():
    refusals = [
        error("CANARY", rule="X1")
        for error in (
            MissingTokenError,
            MalformedTokenError,
            UnknownKeyError,
            InvalidSignatureError,
            InvalidClaimError,
            ExpiredTokenError,
        )
    ]
    answers = [answer_for(refusal) for refusal in refusals]

    assert {answer.status for answer in answers} == {401}
    assert len({json.dumps(answer.body) for answer in answers}) == 3
    assert not any("CANARY" in f"{answer.body}{answer.headers}" for answer in answers)


def test_a_bad_token_is_answered_as_rfc_6750_says():
    answer = answer_for(ExpiredTokenError("late", rule="C3"))

    assert challenge_in(answer.headers) == {
        "error": "invalid_token",
        "error_description": "The access token expired.",
    }


def test_more_than_one_token_is_a_bad_request():
    answer = answer_for(MalformedTokenError("two", rule="T5"))

    assert answer.status == 400
    assert answer.body["error"] == "invalid_request"
    assert challenge_in(answer.headers)["error"] == "invalid_request"


def test_a_missing_scope_is_named_in_the_challenge():
    answer = answer_for(AuthorizationError("no", missing_scopes=["a.read", "b.read"]))

    assert answer.status == 403
    assert challenge_in(answer.headers) == {"error": "insufficient_scope", "scope": "a.read b.read"}
    assert answer.body["scopes"] == ["a.read", "b.read"]


def test_a_missing_role_alone_gives_a_challenge_without_scope():
    answer = answer_for(AuthorizationError("no", missing_roles=["R.All"]))

    assert challenge_in(answer.headers) == {"error": "insufficient_scope"}
    assert answer.body["roles"] == ["R.All"]


def test_consent_is_asked_for_as_the_guide_does():
    answer = answer_for(consent("api://partner/read"), authorization_uri="https://login/authorize")

    assert answer.status == 401
    assert answer.body == {
        "error": "consent_required",
        "error_description": "Additional user consent required",
        "scopes": ["api://partner/read"],
        "claims": None,
    }
    assert challenge_in(answer.headers) == {
        "error": "consent_required",
        "scope": "api://partner/read",
        "authorization_uri": "https://login/authorize",
    }


def test_claims_go_out_as_text_in_the_body_and_as_base64_in_the_header():
    answer = answer_for(sign_in("s", claims=CLAIMS))

    assert answer.body["error"] == "interaction_required"
    assert json.loads(answer.body["claims"]) == json.loads(CLAIMS)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer error="insufficient_claims"')
    assert claims_challenge([answer.headers["WWW-Authenticate"]]) == answer.body["claims"]


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (InvalidCallError("CANARY"), 500, "server_error"),
        (CredentialError("CANARY", code="aadsts7000215"), 502, "upstream_failed"),
        (DownstreamApiError("CANARY", service_name="CANARY"), 502, "upstream_failed"),
        (DownstreamTimeoutError("CANARY", service_name="CANARY"), 504, "upstream_timeout"),
        (MetadataUnavailableError("CANARY"), 503, "temporarily_unavailable"),
    ],
)
def test_a_failure_behind_the_api_tells_nothing_of_its_cause(error, status, name):
    answer = answer_for(error)

    assert (answer.status, answer.body["error"]) == (status, name)
    assert "CANARY" not in f"{answer.body}{answer.headers}"
    assert error.code not in f"{answer.body}"
    assert answer.cause is error


@pytest.mark.parametrize(
    ("seconds", "field"), [(0.2, "1"), (1.2, "2"), (60, "60"), (None, None), (math.inf, None)]
)
def test_a_wait_is_passed_on_in_whole_seconds(seconds, field):
    answer = answer_for(ThrottledError("wait", retry_after=seconds))

    assert answer.headers.get("Retry-After") == field


def test_a_group_of_challenges_is_one_challenge_with_all_scopes_and_claims():
    group = ExceptionGroup(
        "all",
        [
            sign_in("a", "b", claims='{"access_token":{"acrs":{"value":"c1"},"x":1}}'),
            ExceptionGroup(
                "nested",
                [consent("b", "c", claims='{"access_token":{"acrs":{"value":"c2"},"y":2}}')],
            ),
            consent("d", claims="broken"),
        ],
    )

    answer = answer_for(group)

    assert answer.body["error"] == "interaction_required"
    assert answer.body["scopes"] == ["a", "b", "c", "d"]
    assert json.loads(answer.body["claims"]) == {
        "access_token": {"acrs": {"value": "c1"}, "x": 1, "y": 2}
    }


def test_a_group_of_consents_alone_asks_for_consent():
    assert answer_for(ExceptionGroup("", [consent("a")])).body["error"] == "consent_required"


def test_claims_that_grow_too_long_when_merged_leave_the_first_alone():
    first, second = (json.dumps({name: "x" * (MAX_CLAIMS * 2 // 3)}) for name in "ab")

    answer = answer_for(ExceptionGroup("", [sign_in(claims=first), sign_in(claims=second)]))

    assert answer.body["claims"] == first


def test_in_a_mixed_group_the_gravest_error_decides():
    group = ExceptionGroup("", [consent("a"), DownstreamTimeoutError("late", service_name="P")])

    assert answer_for(group).status == 504
    assert answer_for(ExceptionGroup("", [group, InvalidCallError("x")])).status == 500
    assert answer_for(ExceptionGroup("", [consent("a"), AuthorizationError("no")])).status == 403


def test_among_equally_grave_errors_the_first_decides():
    expired = ExpiredTokenError("late", rule="C3")

    assert answer_for(ExceptionGroup("", [consent("a"), expired])).body["scopes"] == ["a"]
    assert answer_for(ExceptionGroup("", [expired, consent("a")])).body["error"] == "invalid_token"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("foreign"),
        ExceptionGroup("", [consent("a"), ValueError("foreign")]),
        BaseExceptionGroup("", [consent("a"), KeyboardInterrupt()]),
    ],
)
def test_what_is_not_ours_gets_no_answer(error):
    assert answer_for(error) is None


def test_fields_that_are_longer_than_any_need_be_hold_no_challenge():
    ours = f'Bearer error="insufficient_claims", claims="{encode_claims(CLAIMS)}"'
    filling = "x" * (MAX_FIELDS // 2)

    assert claims_challenge([ours, filling]) == CLAIMS
    assert claims_challenge([ours, filling, filling]) is None
    assert parse_challenges([ours, filling, filling]) == []


def test_no_more_challenges_are_read_than_an_answer_can_mean():
    assert len(parse_challenges(["a," * 1000, "b," * 1000])) == MAX_CHALLENGES
