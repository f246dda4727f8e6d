"""What keeps a deployment small and lawful: archive, pruning, erasure."""
