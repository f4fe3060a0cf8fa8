"""How the application proves who it is to Entra ID: client credentials, in order."""

from .assertion import AssertionProvider, ProvidedAssertion
from .chain import CredentialChain
from .loading import load_credentials
from .proof import ClientCredential, ClientProof, CredentialUnavailableError, ProofKind
from .secret import ClientSecret

__all__ = [
    "AssertionProvider",
    "ClientCredential",
    "ClientProof",
    "ClientSecret",
    "CredentialChain",
    "CredentialUnavailableError",
    "ProofKind",
    "ProvidedAssertion",
    "load_credentials",
]
