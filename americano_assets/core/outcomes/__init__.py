"""What became of predictions, and whether the world has drifted."""
