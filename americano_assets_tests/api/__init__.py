"""The HTTP interface against a real database."""
