"""From a principal to a token for a downstream service."""
