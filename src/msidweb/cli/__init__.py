"""The ``msidweb`` command."""
