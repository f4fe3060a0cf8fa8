"""Calls to downstream APIs with tokens attached."""

from msidweb.acquisition import TokenProvider

from .api import DownstreamApi
from .arguments import AppCall, OptionsOverride, UserCall
from .named import NamedDownstreamApi
from .resolution import ApiPlan, objections, plan_api

__all__ = [
    "ApiPlan",
    "AppCall",
    "DownstreamApi",
    "NamedDownstreamApi",
    "OptionsOverride",
    "TokenProvider",
    "UserCall",
    "objections",
    "plan_api",
]
