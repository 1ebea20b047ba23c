"""Pages of signing in, of people and of their rights."""
