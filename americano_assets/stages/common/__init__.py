"""What several stages need: the deployment, partitions, metadata, the models of tables."""
