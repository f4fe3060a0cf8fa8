"""Environment variables: .NET's with ``__`` between keys, and those of the Azure SDKs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .credential import SourceType, source_type_of
from .tree import DEEPEST, Layer, Leaf, Node, Source

_ENVIRONMENT_NAMES = ("MSIDWEB_ENVIRONMENT", "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT")
_CONNECTION_STRING = re.compile(
    r"(?:CUSTOM|SQL|SQLAZURE|MYSQL|POSTGRESQL|REDISCACHE|DOCDB)CONNSTR_(?P<name>.+)", re.IGNORECASE
)


def environment_name(environ: Mapping[str, str]) -> str:
    """The name of the environment, ``Production`` where nothing tells."""
    names = (environ.get(name, "").strip() for name in _ENVIRONMENT_NAMES)
    return next(filter(None, names), "Production")


def read_environment(environ: Mapping[str, str], root: Node) -> None:
    """Puts every variable that names a key, ``AzureAd__ClientId``, into *root*.

    Azure App Service's connection strings (``SQLCONNSTR_name`` and its kind) are
    ``ConnectionStrings:name``, as in .NET.
    """
    for variable, value in environ.items():
        connection = _CONNECTION_STRING.fullmatch(variable)
        key = f"ConnectionStrings:{connection['name']}" if connection else variable
        path = tuple(key.replace("__", ":").split(":"))
        if 1 < len(path) <= DEEPEST and all(path):
            root.put(Leaf(value, _variable(variable), path))


def azure_sdk_values(environ: Mapping[str, str], given: Mapping[str, object]) -> Node:
    """What the Azure SDK variables say about the application beyond what is *given*.

    The workload identity webhook of AKS sets them to a managed identity's, not the API's: so they
    fill only what nothing else gives, and a credential only where the client id is the same.

    Args:
        environ: The environment.
        given: Values by field name that other layers give.
    """
    root = Node()
    for field, key, variable, instead in _FILLS:
        if field not in given and not instead.intersection(given):
            _fill(root, (key,), environ, variable)
    if not _CREDENTIAL_FIELDS.intersection(given) and _same_client(environ, given):
        _fill_credential(root, environ)
    return root


def fill_assertion_files(environ: Mapping[str, str], given: Mapping[str, object]) -> None:
    """Name the platform's file in every ``SignedAssertionFilePath`` of *given* that names none.

    .NET's loader reads AZURE_FEDERATED_TOKEN_FILE then.
    """
    listed = given.get("client_credentials")
    for item in listed if isinstance(listed, list) else ():
        if not isinstance(item, dict) or item.get(_ASSERTION_FILE):
            continue
        if source_type_of(item.get("source_type")) is SourceType.SIGNED_ASSERTION_FILE_PATH:
            item[_ASSERTION_FILE] = environ.get("AZURE_FEDERATED_TOKEN_FILE")


_ASSERTION_FILE = "signed_assertion_file_disk_path"
_FILLS: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    ("client_id", "ClientId", "AZURE_CLIENT_ID", frozenset()),
    ("tenant_id", "TenantId", "AZURE_TENANT_ID", frozenset({"authority", "domain"})),
    ("instance", "Instance", "AZURE_AUTHORITY_HOST", frozenset({"authority"})),
)
_CREDENTIAL_FIELDS = frozenset(
    {
        "client_secret",
        "client_credentials",
        "client_certificates",
        "client_credentials_using_managed_identity",
    }
)
_CREDENTIALS: tuple[tuple[SourceType, Mapping[str, str]], ...] = (
    (SourceType.CLIENT_SECRET, {"ClientSecret": "AZURE_CLIENT_SECRET"}),
    (
        SourceType.PATH,
        {
            "CertificateDiskPath": "AZURE_CLIENT_CERTIFICATE_PATH",
            "CertificatePassword": "AZURE_CLIENT_CERTIFICATE_PASSWORD",
        },
    ),
    (
        SourceType.SIGNED_ASSERTION_FILE_PATH,
        {"SignedAssertionFileDiskPath": "AZURE_FEDERATED_TOKEN_FILE"},
    ),
)


def _same_client(environ: Mapping[str, str], given: Mapping[str, object]) -> bool:
    ours, theirs = given.get("client_id"), environ.get("AZURE_CLIENT_ID")
    return not ours or not theirs or str(ours).casefold() == theirs.casefold()


def _fill_credential(root: Node, environ: Mapping[str, str]) -> None:
    for source_type, variables in _CREDENTIALS:
        first = next(iter(variables.values()))
        if environ.get(first):
            entry = ("ClientCredentials", "0")
            root.put(Leaf(source_type, _variable(first, Layer.AZURE_SDK), (*entry, "SourceType")))
            for key, variable in variables.items():
                _fill(root, (*entry, key), environ, variable)
            return


def _fill(root: Node, path: tuple[str, ...], environ: Mapping[str, str], variable: str) -> None:
    value = environ.get(variable)
    if value and path == ("Instance",) and "://" not in value:
        value = f"https://{value}"
    if value:
        root.put(Leaf(value, _variable(variable, Layer.AZURE_SDK), path))


def _variable(name: str, layer: Layer = Layer.ENVIRONMENT) -> Source:
    return Source(layer, f"environment variable {name}", keyed=False)
