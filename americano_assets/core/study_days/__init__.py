"""Study days and cut-offs."""
