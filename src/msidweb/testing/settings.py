"""Settings as the environment of a process has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ._arguments import checked_argument


def environment_of(settings: Mapping[str, object]) -> dict[str, str]:
    """*settings* as variables, ``AzureAd__ClientCredentials__0__ClientSecret`` and the like.

    For ``IdentityBuilder.from_appsettings(environ=…)``, or the environment of a subprocess.
    """
    checked_argument("settings", settings, Mapping[str, object])
    return dict(_flat(settings, ""))


def _flat(tree: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _flat(value, f"{path}__{name}" if path else name)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _flat(value, f"{path}__{index}")
    else:
        yield path, str(tree)
