"""Calls to downstream APIs with tokens attached."""
