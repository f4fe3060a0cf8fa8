"""Where every value came from, with secrets hidden: for ``msidweb config``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msidweb.telemetry.redaction import HIDDEN, redact

from .configuration import Section
from .model import Options
from .reading import Entry, read

_USER_INFO = re.compile(r"(?<=://)[^/@\s]*@")


def explain(
    model: type[Options],
    section: Section | Mapping[str, object],
    *,
    overrides: Mapping[str, object] | None = None,
    place: str,
) -> Iterator[Entry]:
    """Every value that *section* and the keywords give to *model*, as :func:`bind` takes them.

    ``shown`` is the text of values that are no secret, and ``[hidden]`` for all others; keys that
    are unknown are not shown, :func:`bind` reports them.
    """
    for entry in read(model, section, overrides=overrides, place=place).entries.values():
        shown = HIDDEN if entry.shown is None else _USER_INFO.sub(f"{HIDDEN}@", redact(entry.shown))
        yield Entry(entry.path, entry.place, shown, entry.used)
