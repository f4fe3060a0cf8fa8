"""How an authorization answer reaches the client: in the query, the fragment or a posted form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urlsplit

from msidweb.testing.exchange import Answer

from .errors import RefusalError
from .markup import document, fill, hidden
from .redirects import source_of

ResponseMode = Literal["query", "fragment", "form_post"]

_REFUSAL = ("error", "error_description", "error_uri", "suberror", "error_subcode", "claims")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where an answer goes and how; the redirect URI is a checked one."""

    redirect_uri: str
    mode: ResponseMode = "query"
    state: str | None = None

    @property
    def form_targets(self) -> tuple[str, ...]:
        """What a Content-Security-Policy must let forms lead to."""
        return (source_of(self.redirect_uri),)

    def answer(self, parameters: Mapping[str, str]) -> Answer:
        """Bring parameters and the state to the client."""
        fields = dict(parameters)
        if self.state is not None:
            fields["state"] = self.state
        if self.mode == "form_post":
            return self._posted(fields)
        return Answer(302, headers={"Location": self._located(urlencode(fields))})

    def refuse(self, _: RefusalError, body: Mapping[str, object]) -> Answer:
        """Bring a refusal to the client."""
        return self.answer({name: str(body[name]) for name in _REFUSAL if name in body})

    def _located(self, text: str) -> str:
        uri, parts = self.redirect_uri, urlsplit(self.redirect_uri)
        # Entra ID returns URIs without a path with one.
        if parts.scheme in {"http", "https"} and not parts.path and not parts.query:
            uri += "/"
        if self.mode == "fragment":
            return f"{uri}#{text}"
        return f"{uri}{'&' if parts.query else '?'}{text}"

    def _posted(self, fields: Mapping[str, str]) -> Answer:
        body = fill(_POSTED, target=self.redirect_uri, fields=hidden(fields))
        return document(
            "Continue",
            body,
            form_targets=self.form_targets,
            script="document.forms[0].submit()",
        )


_POSTED = """\
<h1>Signed in</h1>
<form method="post" action="{target}">{fields}
<button class="main">Continue</button>
</form>"""
