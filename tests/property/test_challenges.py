"""A WWW-Authenticate field of anybody's making is read as it was meant (RFC 9110, 11.6.1)."""

import json

from hypothesis import given
from hypothesis import strategies as st

from msidweb.challenge import (
    Challenge,
    answer_for,
    claims_challenge,
    encode_claims,
    parse_challenges,
)
from msidweb.errors import UserChallengeError

TOKENS = st.text(st.sampled_from("!#$%&'*+-.^_`|~09AZaz"), min_size=1, max_size=6)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
NAMES = st.lists(TOKENS.map(str.lower), unique=True, max_size=3)
BLANKS = st.sampled_from(["", " ", "\t", "  "])


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def challenges(draw):
    """A challenge, and one of the ways in which it may be written."""
    parameters = {name: draw(TOKENS | VALUES) for name in draw(NAMES)}
    written = []
    for name, value in parameters.items():
        plain = value and set(value) <= set("!#$%&'*+-.^_`|~09AZaz") and draw(st.booleans())
        spelled = draw(st.sampled_from([name, name.upper()]))
        around = draw(BLANKS), draw(BLANKS)
        written.append(f"{spelled}{around[0]}={around[1]}{value if plain else quoted(value)}")
    scheme = draw(st.sampled_from(["Bearer", "PoP", "Negotiate", "basic"]))
    opaque = [] if parameters else draw(st.lists(st.just("dG9rZW4="), max_size=1))
    separator = f"{draw(BLANKS)},{draw(BLANKS)}"
    text = " ".join([scheme, *opaque, *([separator.join(written)] if written else [])])
    return Challenge(scheme.lower(), parameters), text


@given(st.lists(challenges(), max_size=3), BLANKS, st.booleans())
def test_challenges_are_read_as_they_were_written_in_one_field_or_in_several(made, blank, one):
    texts = [text for _, text in made]

    fields = [f"{blank}, ".join(texts)] if one else texts

    assert parse_challenges(fields) == [challenge for challenge, _ in made]


@given(st.lists(challenges(), max_size=3), st.integers(0, 3))
def test_the_claims_request_is_found_among_others(made, place):
    others = [text for challenge, text in made if challenge.scheme != "bearer"]
    ours = f'Bearer error="insufficient_claims", claims="{encode_claims("{}")}"'

    assert claims_challenge([", ".join([*others[:place], ours, *others[place:]])]) == "{}"


CLAIMS = st.dictionaries(VALUES, st.text(max_size=8), max_size=3).map(json.dumps)


@given(st.lists(VALUES, max_size=3), st.none() | CLAIMS, VALUES)
def test_nothing_an_error_carries_adds_to_the_challenge_that_answers_it(scopes, claims, uri):
    error = UserChallengeError("x", scopes=scopes, claims=claims)

    answer = answer_for(error, authorization_uri=uri)

    assert answer is not None
    field = answer.headers["WWW-Authenticate"]
    assert all(" " <= sign <= "~" for sign in field)
    [challenge] = parse_challenges([field])
    assert challenge.parameters.keys() <= {"error", "claims", "scope", "authorization_uri"}
    assert challenge.parameters.get("authorization_uri", "") == uri
    assert challenge.parameters.get("scope", "") == " ".join(dict.fromkeys(scopes))
