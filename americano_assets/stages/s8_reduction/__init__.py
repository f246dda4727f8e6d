"""How good predictions were, whether struggles went down, and whether help was the cause."""
