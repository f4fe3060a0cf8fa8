"""Entra ID authorities: clouds, tenants, metadata documents and signing keys."""
