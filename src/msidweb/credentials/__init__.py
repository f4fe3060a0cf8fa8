"""How the application proves who it is to Entra ID: client credentials, in order."""

from .assertion import ProvidedAssertion
from .assertion_file import SignedAssertionFile
from .chain import CredentialChain, Showing
from .loading import load_credentials
from .proof import (
    AssertionRequest,
    ClientCredential,
    ClientProof,
    CredentialUnavailableError,
    ProofKind,
)
from .secret import ClientSecret
from .surroundings import AssertionProvider

__all__ = [
    "AssertionProvider",
    "AssertionRequest",
    "ClientCredential",
    "ClientProof",
    "ClientSecret",
    "CredentialChain",
    "CredentialUnavailableError",
    "ProofKind",
    "ProvidedAssertion",
    "Showing",
    "SignedAssertionFile",
    "load_credentials",
]
