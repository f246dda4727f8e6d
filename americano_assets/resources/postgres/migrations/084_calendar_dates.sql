-- The instant (UTC) that a value of missions."date" or exams."date" means. Exactly midnight UTC is a calendar date: its
-- first moment in the time zone of the study day, which is told as the end of the day before, since clock changes leave
-- a midnight out or repeat it. Anything else is an instant, and so is what no calendar has.
CREATE FUNCTION ml.planned_instant(stamp timestamp, zone text) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN stamp = date_trunc('day', stamp) AND stamp BETWEEN '0001-01-02' AND '9999-12-30'
    THEN timezone('UTC', timezone(zone, stamp - interval '1 microsecond')) + interval '1 microsecond'
  ELSE stamp
END;
