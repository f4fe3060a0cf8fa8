"""How the application proves who it is: the entries of ClientCredentials."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, NoReturn

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    Secret,
    SecretStr,
    SerializationInfo,
)
from pydantic_core import PydanticCustomError

from .model import Options
from .spelling import did_you_mean

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate


class SourceType(enum.StrEnum):
    """Where a credential comes from, in the order of .NET's numbers. .NET: CredentialSource."""

    CERTIFICATE = "Certificate"
    KEY_VAULT = "KeyVault"
    BASE64_ENCODED = "Base64Encoded"
    PATH = "Path"
    STORE_WITH_THUMBPRINT = "StoreWithThumbprint"
    STORE_WITH_DISTINGUISHED_NAME = "StoreWithDistinguishedName"
    CLIENT_SECRET = "ClientSecret"  # noqa: S105 - a kind of credential, not a password
    SIGNED_ASSERTION_FROM_MANAGED_IDENTITY = "SignedAssertionFromManagedIdentity"
    SIGNED_ASSERTION_FILE_PATH = "SignedAssertionFilePath"
    SIGNED_ASSERTION_FROM_VAULT = "SignedAssertionFromVault"
    AUTO_DECRYPT_KEYS = "AutoDecryptKeys"
    CUSTOM_SIGNED_ASSERTION = "CustomSignedAssertion"
    MANAGED_CERTIFICATE = "ManagedCertificate"
    STORE_WITH_SUBJECT_NAME = "StoreWithSubjectName"


_BY_TEXT = {source.lower(): source for source in SourceType} | {
    str(number): source for number, source in enumerate(SourceType)
}


_NO_SOURCE: Final = "must be ClientSecret, Path, KeyVault … or a number from 0 to 13{near}"


def source_type_of(value: object) -> SourceType | None:
    """The source type that *value* names, in any of .NET's spellings or by its number."""
    return _BY_TEXT.get(_folded(value))


def _folded(value: object) -> str:
    named = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value).strip().replace("_", "").lower() if named else ""


def _source_type(value: object) -> object:
    source = source_type_of(value)
    if source is None:
        near = did_you_mean(_folded(value), [source.value for source in SourceType])
        raise PydanticCustomError("source_type", _NO_SOURCE, {"near": near})
    return source


class CertificateWithKey:
    """A certificate and its private key, given in code. .NET: X509Certificate2.

    Args:
        certificate: Content of a PEM or PKCS#12 (PFX) file, or certificate objects, the
            application's own first.
        private_key: The key, where *certificate* does not hold it: PEM, or an RSA key object.
        password: Of an encrypted key or PKCS#12 content.
    """

    # No dataclass: asdict() would write everything out.
    __slots__ = ("_certificate", "_password", "_private_key")

    def __init__(
        self,
        certificate: bytes | str | Certificate | Sequence[Certificate],
        private_key: bytes | str | RSAPrivateKey | None = None,
        password: SecretStr | str | None = None,
    ) -> None:
        self._certificate = certificate
        self._private_key = private_key
        self._password = password

    @property
    def certificate(self) -> bytes | str | Certificate | Sequence[Certificate]:
        """The certificate, as it was given."""
        return self._certificate

    @property
    def private_key(self) -> bytes | str | RSAPrivateKey | None:
        """The key, as it was given."""
        return self._private_key

    @property
    def password(self) -> SecretStr | str | None:
        """The password, as it was given."""
        return self._password

    def __repr__(self) -> str:
        return "CertificateWithKey(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A private key is not written out by pickle.")


def _hidden(
    data: dict[str, Any] | None, info: SerializationInfo
) -> dict[str, str] | dict[str, Secret[Any]] | None:
    # As SecretStr is written out: whole for code, which can hand it back, and masked in JSON.
    if data is None:
        return None
    hidden = {name: Secret[Any](value) for name, value in data.items()}
    return {name: str(value) for name, value in hidden.items()} if info.mode_is_json() else hidden


def _unhidden(data: object) -> object:
    if not isinstance(data, dict):
        return data
    return {
        name: value.get_secret_value() if isinstance(value, Secret) else value
        for name, value in data.items()
    }


_NO_CERTIFICATE: Final = "must be a CertificateWithKey, which only code can give"


def _certificate(value: object) -> object:
    if value is not None and not isinstance(value, CertificateWithKey):
        raise PydanticCustomError("certificate", _NO_CERTIFICATE)
    return value


class CredentialDescription(Options):
    """One credential. .NET: CredentialDescription, and the older CertificateDescription.

    Attributes:
        source_type: Where the credential comes from.
        certificate: A :class:`CertificateWithKey`, for ``Certificate``; given in code.
        client_secret: For ``ClientSecret``.
        certificate_disk_path: PEM or PFX file, for ``Path``.
        base64_encoded_value: Content of such a file in base64, for ``Base64Encoded``.
        certificate_password: Password of either.
        signed_assertion_file_disk_path: For ``SignedAssertionFilePath``; where a configuration
            leaves it out, AZURE_FEDERATED_TOKEN_FILE counts.
        custom_signed_assertion_provider_name: For ``CustomSignedAssertion``; the name given to
            ``IdentityBuilder.add_signed_assertion_provider``.
        custom_signed_assertion_provider_data: Handed to that provider, and hidden like a secret.
        skip: Pass over this credential.
    """

    source_type: Annotated[SourceType, BeforeValidator(_source_type)] = SourceType.CERTIFICATE
    certificate: Annotated[Any, AfterValidator(_certificate)] = Field(
        default=None, repr=False, exclude=True
    )
    client_secret: SecretStr | None = None
    key_vault_url: str | None = None
    key_vault_certificate_name: str | None = None
    certificate_store_path: str | None = None
    certificate_thumbprint: str | None = None
    certificate_distinguished_name: str | None = None
    certificate_subject_name: str | None = None
    certificate_disk_path: str | None = None
    certificate_password: SecretStr | None = None
    base64_encoded_value: SecretStr | None = None
    managed_identity_client_id: str | None = None
    token_exchange_url: str | None = None
    token_exchange_authority: str | None = None
    signed_assertion_file_disk_path: str | None = None
    custom_signed_assertion_provider_name: str | None = None
    custom_signed_assertion_provider_data: Annotated[
        dict[str, Any] | None, BeforeValidator(_unhidden), PlainSerializer(_hidden)
    ] = Field(default=None, repr=False)
    skip: bool = False

    ignored_keys: ClassVar[frozenset[str]] = frozenset(
        {
            "Algorithm",
            "CachedValue",
            "CredentialType",
            "DecryptKeysAuthenticationOptions",
            "Id",
            "UseBoundCredential",
            "X509KeyStorageFlags",
        }
    )

    def __reduce__(self) -> NoReturn:
        raise TypeError("A credential is not written out by pickle.")


class ManagedIdentityCredentialOptions(Options):
    """The older switch for a managed identity. .NET: ClientCredentialsUsingManagedIdentity."""

    is_enabled: bool = False
    managed_identity_client_id: str | None = None
