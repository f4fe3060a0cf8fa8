"""Challenges as programs that call an API read them."""

import base64
import io
import json
from types import SimpleNamespace

import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from msidweb.challenge import MAX_FIELDS, answer_for
from msidweb.client import (
    MAX_BODY,
    ConsentRequiredError,
    find_challenge,
    raise_for_challenge,
)
from msidweb.errors import DownstreamApiError, InvalidCallError, UserChallengeError

# As base64url it has both signs that base64 writes otherwise, and padding.
CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1>?>?ÿ1"}}}'
ENCODED = base64.b64encode(CLAIMS.encode()).decode()
SCOPES = ("api://partner/read", "api://partner/write")


def header(parameters: str) -> dict[str, str]:
    return {"WWW-Authenticate": f"Bearer {parameters}"}


def body(**members: object) -> bytes:
    return json.dumps(members).encode()


INTERACTION = header(f'error="insufficient_claims", claims="{ENCODED}", scope="{" ".join(SCOPES)}"')


def parts(error: ConsentRequiredError | None) -> tuple[object, ...]:
    assert error is not None
    return error.code, error.scopes, error.claims


@pytest.mark.parametrize(
    ("aadsts", "claims", "code"),
    [(65001, None, "consent_required"), (50076, CLAIMS, "interaction_required")],
)
@pytest.mark.parametrize("missing", ["nothing", "header", "body"])
def test_what_an_api_answers_is_understood_from_either_part(aadsts, claims, code, missing):
    answer = answer_for(UserChallengeError("", aadsts=aadsts, scopes=SCOPES, claims=claims))
    headers = {} if missing == "header" else answer.headers
    content = b"" if missing == "body" else json.dumps(answer.body)

    error = find_challenge(answer.status, headers, content)

    assert (error.code, error.scopes) == (code, SCOPES)
    assert json.loads(error.claims or "null") == json.loads(claims or "null")
    if missing != "body":
        assert error.description == answer.body["error_description"]


@pytest.mark.parametrize(
    "claims",
    [
        ENCODED,
        ENCODED.rstrip("="),
        base64.urlsafe_b64encode(CLAIMS.encode()).decode(),
        base64.urlsafe_b64encode(CLAIMS.encode()).decode().rstrip("="),
        CLAIMS.replace('"', '\\"'),
    ],
)
def test_claims_are_read_however_they_are_encoded(claims):
    error = find_challenge(401, header(f'error="insufficient_claims", claims="{claims}"'))

    assert parts(error) == ("interaction_required", (), CLAIMS)


@pytest.mark.parametrize("claims", [CLAIMS, ENCODED, json.loads(CLAIMS)])
def test_claims_of_a_body_are_text_or_an_object(claims):
    error = find_challenge(401, {}, body(error="interaction_required", claims=claims))

    assert json.loads(error.claims) == json.loads(CLAIMS)


def test_the_guides_body_is_found_where_fastapi_puts_it():
    inner = {"error": "consent_required", "error_description": "Consent!", "scopes": SCOPES}

    error = find_challenge(401, header('realm="x"'), body(detail=inner))

    assert parts(error) == ("consent_required", SCOPES, None)
    assert error.description == "Consent!"


@pytest.mark.parametrize(
    "headers",
    [
        {"www-authenticate": f'Basic realm="a", {INTERACTION["WWW-Authenticate"]}'},
        {"WWW-AUTHENTICATE": f"{INTERACTION['WWW-Authenticate']}, Negotiate abc=="},
        {"X-Other": "y", "Www-Authenticate": INTERACTION["WWW-Authenticate"]},
        httpx.Headers(
            [("WWW-Authenticate", "Basic"), *INTERACTION.items(), ("WWW-Authenticate", "Bearer")]
        ),
        header('error="invalid_token"') | {"www-authenticate": INTERACTION["WWW-Authenticate"]},
    ],
)
def test_the_challenge_is_found_among_others(headers):
    assert parts(find_challenge(401, headers)) == ("interaction_required", SCOPES, CLAIMS)


def test_fields_of_equal_names_are_all_looked_at():
    class Repeated:
        def items(self):
            return [("WWW-Authenticate", "Basic"), *INTERACTION.items()]

    assert parts(find_challenge(401, Repeated())) == ("interaction_required", SCOPES, CLAIMS)


def test_the_forbidden_answer_of_dotnet_is_understood():
    field = (
        'Bearer consentUri="https://login.example//oauth2/v2.0/authorize?client_id=x", '
        f'claims="{CLAIMS}", scopes="{",".join(SCOPES)}", proposedAction="consent"'
    )

    with_claims = find_challenge(403, {"WWW-Authenticate": field})
    without = find_challenge(403, {"WWW-Authenticate": field.replace(CLAIMS, "")})

    assert parts(with_claims) == ("interaction_required", SCOPES, CLAIMS)
    assert parts(without) == ("consent_required", SCOPES, None)


def test_what_one_part_lacks_the_other_has():
    error = find_challenge(
        401,
        header(f'error="insufficient_claims", claims="{ENCODED}"'),
        body(error="consent_required", scopes="a b", claims='{"other":1}'),
    )

    assert parts(error) == ("consent_required", ("a", "b"), CLAIMS)


@pytest.mark.parametrize(
    ("status", "headers", "content"),
    [
        (200, INTERACTION, b""),
        (500, INTERACTION, b""),
        (401, {}, b""),
        (401, header(""), b""),
        (401, header('error="invalid_token"'), body(error="invalid_token")),
        (403, header('error="insufficient_scope", scope="a"'), body(error="insufficient_scope")),
        (401, {"WWW-Authenticate": f'DPoP error="insufficient_claims", claims="{ENCODED}"'}, b""),
        (401, header('error="insufficient_claims"'), b""),
        (401, header('error="insufficient_claims", claims="%%%"'), body(claims=CLAIMS)),
        (401, header(f'error="insufficient_claims", claims="{"e30" * 9000}"'), b""),
        (401, header(f'a="{"x" * MAX_FIELDS}", ' + 'error="consent_required"'), b""),
        (401, {}, body(error="consent_required", padding="x" * MAX_BODY)),
        (401, {}, b"<html>consent_required</html>"),
        (401, {}, b'["consent_required"]'),
        (401, {}, b'{"error":"consent_required","error":"consent_required"}'),
        (401, {}, b"[" * 9000),
        (401, {}, b'{"error":' * 9000),
        (401, {}, b"\xff\xfe\x00"),
        (401, {}, "\ud800"),
        (401, {}, body(error=["consent_required"])),
        (401, {}, body(error="insufficient_claims", claims=[1])),
        (401, {"WWW-Authenticate": None, 7: "Bearer"}, b""),
    ],
)
def test_what_is_no_challenge_is_left_to_the_caller(status, headers, content):
    assert find_challenge(status, headers, content) is None
    raise_for_challenge(SimpleNamespace(status_code=status, headers=headers, content=content))


def test_of_a_challenge_only_what_is_well_formed_is_kept():
    error = find_challenge(
        401,
        {},
        body(
            error="consent_required",
            error_description="a\x1b[31m\n\u202eb" + "c" * 999,
            scopes=["good", "two words", 'quo"te', 7, None, "good", "", "uml\u00e4ut"],
            claims="never mind",
        ),
    )

    assert parts(error) == ("consent_required", ("good",), None)
    assert error.description.startswith("a[31mbc")
    assert len(error.description) == 256


@pytest.mark.parametrize(
    "piece",
    [
        'Bearer consentUri="", claims="", scopes="',
        'Bearer error="',
        'a="\\',
        "a,",
        ", ",
        "a ",
        'x="y",',
    ],
)
def test_a_field_of_nothing_but_beginnings_is_no_challenge(piece):
    field = piece * (MAX_FIELDS // len(piece))

    assert find_challenge(403, {"WWW-Authenticate": field}) is None


@pytest.mark.parametrize("scopes", [None, 7, {"a": 1}, True])
def test_scopes_of_another_kind_are_none(scopes):
    error = find_challenge(401, {}, body(error="consent_required", scopes=scopes))

    assert error.scopes == ()


def test_the_text_of_the_error_repeats_nothing_that_the_api_wrote():
    with pytest.raises(ConsentRequiredError) as caught:
        raise_for_challenge(
            httpx.Response(
                401,
                headers=INTERACTION,
                json={"error": "interaction_required", "error_description": "alice@contoso"},
            )
        )

    assert caught.value.description == "alice@contoso"
    for private in ("alice", "partner", "c1", ENCODED):
        assert private not in f"{caught.value} {caught.value!r}"


def test_an_answer_whose_stream_was_not_read_is_understood_by_its_header():
    unread = httpx.Response(401, headers=INTERACTION, stream=httpx.ByteStream(b"{}"))

    with pytest.raises(ConsentRequiredError) as caught:
        raise_for_challenge(unread)

    assert caught.value.claims == CLAIMS


@pytest.mark.parametrize(
    "framing",
    [
        {},
        {"Content-Length": str(MAX_BODY + 1)},
        {"Content-Length": "-1"},
        {"Content-Length": "2", "Transfer-Encoding": "chunked"},
        {"Content-Length": "2", "Content-Encoding": "gzip"},
    ],
)
def test_a_body_of_requests_that_may_be_endless_is_not_read(framing):
    answer = requests.Response()
    answer.status_code = 401
    answer.headers.update(INTERACTION | framing)
    answer.raw = None

    with pytest.raises(ConsentRequiredError) as caught:
        raise_for_challenge(answer)

    assert parts(caught.value) == ("interaction_required", SCOPES, CLAIMS)
    assert answer._content is False


def test_a_short_body_of_requests_is_read():
    answer = requests.Response()
    answer.status_code = 401
    answer.raw = io.BytesIO(body(error="consent_required", scopes=["a"]))
    answer.headers["Content-Length"] = str(len(answer.raw.getvalue()))

    with pytest.raises(ConsentRequiredError) as caught:
        raise_for_challenge(answer)

    assert caught.value.scopes == ("a",)


@pytest.mark.parametrize("name", ["content", "text", "body"])
def test_the_body_is_taken_from_where_a_client_has_it(name):
    text = body(error="consent_required")
    response = SimpleNamespace(status_code=401, headers={}, **{name: text.decode()})

    with pytest.raises(ConsentRequiredError):
        raise_for_challenge(response)


def test_an_answer_without_any_body_is_understood_by_its_header():
    with pytest.raises(ConsentRequiredError):
        raise_for_challenge(SimpleNamespace(status_code=401, headers=INTERACTION))


def test_a_downstream_error_holds_an_answer_too():
    refused = DownstreamApiError(
        "", service_name="x", status_code=401, body=body(error="consent_required").decode()
    )

    with pytest.raises(ConsentRequiredError):
        raise_for_challenge(refused)
    raise_for_challenge(DownstreamApiError("no answer", service_name="x"))


@pytest.mark.parametrize(
    "wrong", [None, "401", SimpleNamespace(status=401, headers={}), SimpleNamespace(status_code=1)]
)
def test_what_is_no_response_is_told_by_name(wrong):
    with pytest.raises(InvalidCallError, match="response takes"):
        raise_for_challenge(wrong)


@pytest.mark.parametrize(
    ("given_parts", "name"),
    [(([], b""), "headers"), ((None, b""), "headers"), (({}, None), "body")],
)
def test_parts_of_a_wrong_kind_are_told_by_name(given_parts, name):
    with pytest.raises(InvalidCallError, match=f"{name} takes"):
        find_challenge(401, *given_parts)


MESS = st.text(max_size=60) | st.sampled_from([*INTERACTION.values(), "Bearer ", '"', "\\", ", ="])


@given(st.lists(MESS, max_size=6).map("".join), st.binary(max_size=80) | MESS)
def test_no_answer_raises_anything_else(field, content):
    error = find_challenge(401, {"WWW-Authenticate": field}, content)

    assert error is None or isinstance(error, ConsentRequiredError)
