"""What to do about a predicted struggle."""
