"""The `promptflow.*` names that users' code imports, served by an import hook when the real package is absent."""
