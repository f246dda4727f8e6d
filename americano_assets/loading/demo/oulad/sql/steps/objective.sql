-- One row an assessment that is handed in: tutor- or computer-marked, with a due day. due: day number; weight: per cent.
SELECT
  a.id_assessment,
  a.code_module,
  a.code_presentation,
  a.assessment_type,
  a.date::INTEGER AS due,
  a.weight,
  p.starts_on,
  p.lecture_id,
  p.published_at,
  oulad_id('objective', a.id_assessment::VARCHAR) AS objective_id,
  oulad_id('prompt', a.id_assessment::VARCHAR) AS prompt_id,
  CASE a.assessment_type WHEN 'TMA' THEN 'Tutor-marked' ELSE 'Computer-marked' END || ' assessment '
    || row_number() OVER (PARTITION BY p.code, a.assessment_type ORDER BY a.date, a.id_assessment)
    || ' of ' || p.code AS name,
  name || ' (due day ' || due || ', ' || printf('%g', a.weight) || ' %)' AS text,
  CASE
    WHEN a.weight >= 25 THEN 'ADVANCED'
    WHEN a.assessment_type = 'CMA' OR a.weight < 10 THEN 'BASIC'
    ELSE 'INTERMEDIATE'
  END AS complexity,
  a.weight >= 20 AS is_high_yield,
  CASE a.assessment_type WHEN 'TMA' THEN 240 ELSE 60 END AS minutes
FROM assessment AS a
JOIN presentation AS p USING (code_module, code_presentation)
WHERE a.assessment_type IN ('TMA', 'CMA') AND a.date IS NOT NULL
