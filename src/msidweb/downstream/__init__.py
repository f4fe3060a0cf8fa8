"""Calls to downstream APIs with tokens attached."""

from msidweb.acquisition import TokenProvider

from .api import DownstreamApi
from .arguments import AppCall, Content, OptionsOverride, UserCall
from .auth import DownstreamAuth
from .hooks import RequestHook, RequestHooks
from .named import NamedDownstreamApi
from .resolution import ApiPlan, objections, plan_api

__all__ = [
    "ApiPlan",
    "AppCall",
    "Content",
    "DownstreamApi",
    "DownstreamAuth",
    "NamedDownstreamApi",
    "OptionsOverride",
    "RequestHook",
    "RequestHooks",
    "TokenProvider",
    "UserCall",
    "objections",
    "plan_api",
]
