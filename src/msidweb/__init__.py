"""Microsoft.Identity.Web for Python."""
