"""Shared work, work in the background, users' callbacks, and the way into a loop for threads."""

from .background_loop import BackgroundLoop, Guest
from .callbacks import Callback, call_all, settled
from .flight import Flight
from .forks import ForkAware, forget_in_children, leave_to_parent
from .portal import Portal
from .tasks import BackgroundTasks

__all__ = [
    "BackgroundLoop",
    "BackgroundTasks",
    "Callback",
    "Flight",
    "ForkAware",
    "Guest",
    "Portal",
    "call_all",
    "forget_in_children",
    "leave_to_parent",
    "settled",
]
