-- Grain: one row: how far %(at)s (UTC, without zone) is ahead of the server's own clock.
SELECT %(at)s::timestamp - (clock_timestamp() AT TIME ZONE 'UTC') AS ahead
