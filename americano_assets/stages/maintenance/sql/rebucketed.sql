-- Grain: one row a row of the log, of one table and day, as extraction sorts a day: learners by their key or their id, each
-- one's rows as they were. Reads: the files of that day, each learner in one of them.
SELECT * EXCLUDE (file_row_number) FROM read_parquet($paths, hive_partitioning = false, file_row_number = true)
ORDER BY {learner}, file_row_number
