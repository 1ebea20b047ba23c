"""Data keys that the service keeps for its callers: their rows, states and errors."""
