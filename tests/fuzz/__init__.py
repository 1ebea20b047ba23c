"""What hostile bytes may do to the parsers: be refused by a documented code."""
