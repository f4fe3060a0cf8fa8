import inspect
import pickle

import pytest

from msidweb import errors
from msidweb.errors import (
    ConfigurationError,
    DownstreamApiError,
    MsidwebError,
    Problem,
    UserChallengeError,
)

CLASSES = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, MsidwebError)
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_ends_in_error_and_stands_in_the_drawing(kind):
    assert kind.__name__.endswith("Error")
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_has_a_code_and_a_status_of_its_own_choice(kind):
    assert kind.code
    assert 400 <= kind.default_status < 600


def test_one_configuration_error_lists_every_problem():
    error = ConfigurationError(
        [Problem("a.json: A:B", "is unknown", "did you mean C?"), Problem("D", "is missing")]
    )

    assert str(error).splitlines() == [
        "2 configuration problems:",
        "  - a.json: A:B: is unknown (did you mean C?)",
        "  - D: is missing",
    ]


def test_an_error_survives_pickling_with_all_it_knows():
    error = UserChallengeError("text", scopes=["a"], aadsts=65001, correlation_id="id")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (str(again), again.scopes, again.aadsts, again.correlation_id) == (
        "text",
        ("a",),
        65001,
        "id",
    )


@pytest.mark.parametrize(
    ("details", "challenge"),
    [
        ({"aadsts": 65001}, "consent_required"),
        ({"suberror": "consent_required"}, "consent_required"),
        ({"aadsts": 50076, "suberror": "basic_action"}, "interaction_required"),
        ({}, "interaction_required"),
    ],
)
def test_a_challenge_tells_consent_from_interaction(details, challenge):
    assert UserChallengeError("text", **details).challenge == challenge


def test_the_body_of_a_downstream_error_is_an_attribute_and_no_text():
    error = DownstreamApiError("P answered 500", service_name="P", status_code=500, body="secret")

    assert error.body == "secret"
    assert "secret" not in f"{error} {error!r}"
