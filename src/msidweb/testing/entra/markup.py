"""HTML without surprises: everything that goes into a template is escaped, save HTML itself."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Mapping
from html import escape

from msidweb.testing.exchange import Answer

_STYLE = """
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:#eef1f5;color:#1b1b1b;
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:27rem;margin:0 auto;padding:1.5rem 1.25rem;background:#fff}
@media (min-width:30rem){main{margin-top:8vh;padding:2.5rem;border:1px solid #c8ccd1}}
h1{margin:.5rem 0 1rem;font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}
p,li,dd{overflow-wrap:anywhere}
ul{margin:0 0 1rem;padding:0;list-style:none}
ul.plain{padding-left:1.25rem;list-style:disc}
label{display:block;font-weight:600}
input[type=text],input[type=password]{width:100%;margin:.25rem 0 1rem;padding:.6rem;
font:inherit;color:inherit;background:#fff;border:1px solid #5c6370;border-radius:2px}
button{width:100%;min-height:2.75rem;margin:0 0 .5rem;padding:.5rem .75rem;font:inherit;
text-align:left;color:#1b1b1b;background:#fff;border:1px solid #5c6370;border-radius:2px;
cursor:pointer}
button.main{color:#fff;background:#0b5cad;border-color:#0b5cad;text-align:center}
button.other{text-align:center}
button small{display:block;color:#505762}
button:hover,button:focus-visible{text-decoration:underline}
:focus-visible{outline:3px solid #b35900;outline-offset:2px}
.check{display:flex;gap:.6rem;align-items:baseline;margin-bottom:1rem;font-weight:400}
.brand,.foot{color:#505762;font-size:.875rem}
.problem{padding:.6rem .75rem;border-left:4px solid #b3261e;background:#fdecea}
"""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, **values: str) -> Html:
    """The template with its ``{names}`` filled in; what is not :class:`Html` is escaped."""
    return Html(template.format_map({name: _safe(value) for name, value in values.items()}))


def joined(parts: Iterable[str]) -> Html:
    """Parts one after the other; what is not :class:`Html` is escaped."""
    return Html("".join(_safe(part) for part in parts))


def hidden(fields: Mapping[str, str]) -> Html:
    """Hidden fields of a form."""
    template = '<input type="hidden" name="{name}" value="{value}">'
    return joined(fill(template, name=name, value=value) for name, value in fields.items())


def document(
    title: str,
    body: Html,
    *,
    status: int = 200,
    form_targets: Iterable[str] = (),
    script: str = "",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """A page of its own: no asset from elsewhere, no frame around it.

    Args:
        title: Title of the document.
        body: What stands in ``main``.
        status: HTTP status.
        form_targets: Sources that a form may lead to beside the emulator itself; browsers judge
            the redirects that follow a form as well.
        script: The only script that may run.
        headers: More headers.
    """
    text = fill(
        _DOCUMENT,
        title=title,
        style=Html(_STYLE),
        body=body,
        script=Html(f"<script>{script}</script>" if script else ""),
    )
    policy = (
        "default-src 'none'; "
        f"style-src '{_digest(_STYLE)}'; "
        f"script-src {_quoted(_digest(script)) if script else _quoted('none')}; "
        f"form-action {' '.join([_quoted('self'), *form_targets])}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    fields = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        **(headers or {}),
    }
    return Answer(status, text.encode(), fields)


_DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Entra ID emulator</title>
<style>{style}</style>
</head>
<body>
<main>
<p class="brand">Entra ID emulator</p>
{body}
<p class="foot">For tests only. Never type a real password here.</p>
</main>
{script}</body>
</html>
"""


def _safe(value: str) -> Html:
    return value if isinstance(value, Html) else Html(escape(value))


@functools.cache
def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _quoted(text: str) -> str:
    return f"'{text}'"
