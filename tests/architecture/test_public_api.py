"""What users may rely on changes on purpose only."""

import difflib

from tests.architecture.public_api import SNAPSHOT, public_api

RENEW = "python -m tests.architecture.public_api"


def test_the_public_api_is_the_recorded_one():
    recorded, now = SNAPSHOT.read_text().splitlines(), public_api().splitlines()

    difference = "\n".join(difflib.unified_diff(recorded, now, "recorded", "now", lineterm="", n=0))
    assert not difference, (
        f"The public API changed. If that is meant, say so in CHANGELOG.md and renew "
        f"{SNAPSHOT.name} with: {RENEW}\n{difference}"
    )


def test_a_line_tells_all_that_a_caller_relies_on():
    lines = set(public_api().splitlines())

    assert {
        "error code 'throttled'",
        "msidweb.HttpClientOptions.max_connections: int = Field(default=100, ge=1)",
        "msidweb.IdentityBuilder.add_authentication: (scheme: str = 'Bearer') -> Self",
        "msidweb.telemetry.TokenAcquired.name: str = 'msidweb.token_acquired'",
        "msidweb.configuration.DownstreamApiOptions is msidweb.DownstreamApiOptions",
    } <= lines
