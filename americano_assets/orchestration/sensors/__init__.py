"""What starts runs beside the clock, and what tells of failed ones."""
