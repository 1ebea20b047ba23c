"""Forms of people, rights and signing in."""
