"""Work that several callers share, work in the background, and the way in for threads."""

from .background_loop import BackgroundLoop, Guest
from .flight import Flight
from .forks import ForkAware, forget_in_children, leave_to_parent
from .portal import Portal
from .tasks import BackgroundTasks

__all__ = [
    "BackgroundLoop",
    "BackgroundTasks",
    "Flight",
    "ForkAware",
    "Guest",
    "Portal",
    "forget_in_children",
    "leave_to_parent",
]
