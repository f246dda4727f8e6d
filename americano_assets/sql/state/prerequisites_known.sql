-- Grain: one row an (objective, direct prerequisite) that weighs something; strength in 10^-9.
SELECT md5_number_lower(objective_id) AS objective_key, md5_number_lower(prerequisite_id) AS prerequisite_key,
  prerequisite_id, strength, nano(strength) AS strength_nano
FROM prerequisites WHERE strength > 0
