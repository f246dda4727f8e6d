"""What became of each published prediction."""
