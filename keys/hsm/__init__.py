"""The HSM layer: token, connection, hierarchy, keyring. Knows nothing of Django."""
