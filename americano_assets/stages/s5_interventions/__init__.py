"""What speaks for a struggle, and what is advised."""
