"""A script that calls the partner as the application and closes nothing.

Usage: script.py SETTINGS SCOPE. It tells when it has begun, and what it got.
"""

import sys

from msidweb import IdentityBuilder


def main(settings: str, scope: str) -> None:
    identity = (
        IdentityBuilder.from_appsettings(settings, environ={})
        .add_microsoft_identity_web_api("AzureAd")
        .enable_token_acquisition()
        .add_downstream_apis("DownstreamApis")
        .build()
    )
    partner = identity.blocking.downstream_api.named("PartnerAPI")
    for _ in range(2):
        print(partner.get_for_app("api/data", scopes=[scope])["rows"], flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
