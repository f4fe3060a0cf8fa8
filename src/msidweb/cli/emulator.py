"""``msidweb emulator``: an Entra ID on localhost, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from urllib.parse import urlencode

from msidweb.testing import EntraEmulator, LocalServer, Sample, sample_tenant, serve_tls

from .interrupt import interrupted

_GUIDE = """\
Entra ID emulator at {base_url}   (Ctrl-C ends it)

  CA file        {ca_file}
  tenant         {tenant_id}
  metadata       {authority}/v2.0/.well-known/openid-configuration
  your API       {api}   scope {scope}
  its downstream {partner}   scopes {partner_scopes}
  public client  {spa}   a page on localhost, any port
  web app        {web}   secret {web_secret}
                 leads back to localhost, any port, at / and /signin-oidc
  daemon         {daemon}
  users          {alice}, {bob}; they sign in without a password
  authorize      {authority}/oauth2/v2.0/authorize
  device codes   {base_url}/devicelogin

The ids are the same in every run. Secrets and passwords are new in every run, belong to this
process alone and are worth nothing elsewhere; they are shown because you need them.

appsettings.json of your API, which calls the stand-in for Microsoft Graph that runs here too:
{settings}

For msal instead: REQUESTS_CA_BUNDLE={ca_file}, authority={authority},
instance_discovery=False

A sign-in at the web app, for your browser; the code is in the address that it leads to:
  {sign_in}

A token of {alice} for your API:
  curl --cacert {ca_file} {authority}/oauth2/v2.0/token \\
    -d grant_type=password -d client_id={spa} \\
    -d username={alice} -d password={password} -d scope={scope}
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--port", type=int, default=8443, help="port on localhost; 0 takes any")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted."""
    try:
        # A second Ctrl-C, or one on a platform without signal handlers, lands here.
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_serve(arguments.port))
    except OSError as error:
        print(f"msidweb emulator: port {arguments.port}: {error.strerror}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f'msidweb emulator: {error.name} is missing; pip install "msidweb[testing]"',
            file=sys.stderr,
        )
        return 1
    return 0


async def _serve(port: int) -> None:
    entra = EntraEmulator()
    sample = sample_tenant(entra)
    async with serve_tls(entra, port=port) as server:
        print(_guide(entra, sample, server), flush=True)
        await interrupted()


def _guide(entra: EntraEmulator, sample: Sample, server: LocalServer) -> str:
    return _GUIDE.format(
        base_url=entra.base_url,
        ca_file=server.ca_file,
        tenant_id=entra.tenant.id,
        authority=entra.authority(),
        api=sample.api.client_id,
        scope=sample.api.scope("access_as_user"),
        partner=sample.partner.client_id,
        partner_scopes=", ".join(sample.partner.scope(name) for name in sample.partner.scopes),
        spa=sample.spa.client_id,
        web=sample.web.client_id,
        web_secret=sample.web.client_secret,
        sign_in=_sign_in(entra, sample),
        daemon=sample.daemon.client_id,
        alice=sample.alice.upn,
        bob=sample.bob.upn,
        password=sample.alice.password,
        settings=json.dumps(_settings(entra, sample, server), indent=2),
    )


def _sign_in(entra: EntraEmulator, sample: Sample) -> str:
    parameters = {
        "client_id": sample.web.client_id,
        "response_type": "code",
        "redirect_uri": "http://localhost:5000/signin-oidc",
        "scope": f"openid {sample.api.scope('access_as_user')}",
    }
    return f"{entra.authority()}/oauth2/v2.0/authorize?{urlencode(parameters)}"


def _settings(entra: EntraEmulator, sample: Sample, server: LocalServer) -> dict[str, object]:
    graph = {"BaseUrl": f"{entra.base_url}/v1.0", "Scopes": [entra.graph.scope("User.Read")]}
    trust = {"CaFile": server.ca_file}
    return {
        "AzureAd": entra.azure_ad(sample.api),
        "DownstreamApis": {"GraphAPI": graph},
        "HttpClients": {"Entra": trust, "GraphAPI": trust},
    }
