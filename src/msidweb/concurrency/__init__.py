"""Work that several callers share, work that runs in the background, and users' callbacks."""

from .callbacks import Callback, call_all, settled
from .flight import Flight
from .tasks import BackgroundTasks

__all__ = ["BackgroundTasks", "Callback", "Flight", "call_all", "settled"]
