"""Official clients against the running service."""
