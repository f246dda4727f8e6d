-- Grain: one row an (objective, direct prerequisite) that weighs something; strength in 10^-9; place: 1, 2, …
-- among the objective's own, strongest first; place_bit: a bit of its own for each of the strongest 62, else 0.
SELECT *, CASE WHEN place <= 62 THEN 1::BIGINT << (place - 1) ELSE 0 END AS place_bit
FROM (
  SELECT md5_number_lower(objective_id) AS objective_key, md5_number_lower(prerequisite_id) AS prerequisite_key,
    prerequisite_id, strength, nano(strength) AS strength_nano,
    row_number() OVER (PARTITION BY objective_id ORDER BY strength DESC, prerequisite_id) AS place
  FROM prerequisites WHERE strength > 0
)
