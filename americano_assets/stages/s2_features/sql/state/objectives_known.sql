-- Grain: one row an objective. Format is what its text and tags speak of; complexity 0-1 or null; place: 1, 2, … by id;
-- prerequisites_nano: the strengths of its prerequisites together, in 10^-9, null without.
WITH builds_on AS (
  SELECT objective_key, nullif(sum(strength_nano), 0) AS prerequisites_nano FROM prerequisites_known GROUP BY ALL
)
SELECT
  objective_id, course_id, has_card, row_number() OVER (ORDER BY objective_id) AS place, prerequisites_nano,
  md5_number_lower(objective_id) AS objective_key,
  md5_number_lower(course_id) AS course_key,
  CASE complexity WHEN 'BASIC' THEN 0.3 WHEN 'INTERMEDIATE' THEN 0.6 WHEN 'ADVANCED' THEN 0.9 END AS complexity,
  CASE
    WHEN regexp_matches(words, 'image|imaging|radio|histolog|anatom|diagram|ecg|x-ray|label|draw|graph|figure|microscop')
      THEN 'visual'
    WHEN regexp_matches(words, 'patient|clinical|diagnos|treat|manage|symptom|present|case|therap|examin') THEN 'clinical'
    ELSE 'text'
  END AS format
FROM (SELECT *, lower(concat_ws(' ', objective_text, tags)) AS words FROM objectives)
LEFT JOIN builds_on ON builds_on.objective_key = md5_number_lower(objective_id)
