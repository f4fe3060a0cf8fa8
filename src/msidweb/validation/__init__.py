"""From an Authorization field to a principal."""

from .any_scheme import AnyScheme
from .memo import Memo
from .policy import ValidationPolicy
from .requirement import Requirement, RequirementKeys
from .validator import Keys, TokenValidator

__all__ = [
    "AnyScheme",
    "Keys",
    "Memo",
    "Requirement",
    "RequirementKeys",
    "TokenValidator",
    "ValidationPolicy",
]
