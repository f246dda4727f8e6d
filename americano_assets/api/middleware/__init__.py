"""What stands between a connection and a route: limits, tokens, the access log, errors as problems."""
