"""From an Authorization field to a principal."""

from .memo import Memo
from .policy import ValidationPolicy
from .requirement import Requirement
from .validator import Keys, TokenValidator

__all__ = ["Keys", "Memo", "Requirement", "TokenValidator", "ValidationPolicy"]
