-- Grain: one row an objective. Format is what its text and tags speak of; complexity 0-1 or null.
SELECT
  objective_id, course_id, has_card,
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
