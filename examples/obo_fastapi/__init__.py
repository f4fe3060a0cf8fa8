"""The guide's web API: it calls downstream APIs on behalf of its user."""
