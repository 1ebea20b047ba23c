"""Tags of access control."""
