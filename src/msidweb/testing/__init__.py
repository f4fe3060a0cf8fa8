"""What a test of an API needs: an Entra ID of its own, users, tokens, a clock."""
