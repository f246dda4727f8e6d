-- Grain: one row an objective of the log; of its complexity, text and tags a log says nothing. Reads: staged.
SELECT objective_id, course_id, NULL::VARCHAR AS complexity, false AS is_high_yield, '' AS objective_text, '' AS tags,
  bool_or(kind = 'review') AS has_card
FROM staged GROUP BY objective_id, course_id ORDER BY objective_id
