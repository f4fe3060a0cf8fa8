"""From appsettings.json, the environment and keywords to typed options."""
