"""Which rows may be published, who is held out, who is alerted."""
