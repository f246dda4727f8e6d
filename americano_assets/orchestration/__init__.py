"""When the assets run: jobs, schedules, sensors, and runs from the command line."""
