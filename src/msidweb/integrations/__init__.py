"""Adapters, one framework a file, on the public API only."""
