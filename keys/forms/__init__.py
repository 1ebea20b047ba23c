"""Forms of the key pages, by the family of their operations."""
