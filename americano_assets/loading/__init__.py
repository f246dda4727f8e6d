"""Who fills a database that has no app: demos."""
