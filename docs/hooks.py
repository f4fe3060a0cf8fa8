"""Shows Sphinx's roles, which docstrings use, as plain code."""  # noqa: INP001 - read by mkdocs

import re

_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):<code>(~[\w.]*\.)?([\w.]+)</code>")


def on_page_content(html: str, **_: object) -> str:
    """The page without the roles' names."""
    return _ROLE.sub(r"<code>\2</code>", html)
