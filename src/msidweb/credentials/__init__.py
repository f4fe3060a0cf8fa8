"""How the application proves who it is to Entra ID."""
