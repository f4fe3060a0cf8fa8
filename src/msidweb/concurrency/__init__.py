"""Work that several callers share, and work that runs in the background."""

from .flight import Flight
from .tasks import BackgroundTasks

__all__ = ["BackgroundTasks", "Flight"]
