"""From an Authorization field to a principal."""
