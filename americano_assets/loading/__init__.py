"""Who fills a database that has no app: demos, and logs and collections of anybody's."""
