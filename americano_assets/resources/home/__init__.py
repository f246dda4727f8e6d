"""The home: the one folder of a deployment, and the database that it belongs to."""
