-- Three made-up learners, three objectives and ten graded answers of the last week: enough to walk docs/quickstart.md
-- through in a database that `americano schema --sql` made, and far too few to train on.
SET TIME ZONE 'UTC';

INSERT INTO users ("id", "createdAt", "behavioralAnalysisEnabled", "includeInAnalytics", "performanceTrackingEnabled", "updatedAt")
SELECT id, now() - interval '30 days', true, true, true, now() FROM unnest(ARRAY['ann', 'bob', 'cyd']) id;

INSERT INTO courses ("id", "userId", "name", "updatedAt") VALUES ('physiology', 'ann', 'Physiology', now());

INSERT INTO lectures ("id", "userId", "courseId", "title", "topicTags", "fileName", "fileUrl", "fileSize")
VALUES ('heart', 'ann', 'physiology', 'The heart', '{}', '', '', 0);

INSERT INTO learning_objectives ("id", "lectureId", "objective", "isHighYield", "complexity", "boardExamTags", "masteryLevel", "totalStudyTimeMs", "weaknessScore")
VALUES ('valves', 'heart', 'Name the valves of the heart', true, 'BASIC', '{}', 'BEGINNER', 0, 0),
       ('cycle', 'heart', 'Explain the cardiac cycle', true, 'INTERMEDIATE', '{}', 'BEGINNER', 0, 0),
       ('murmurs', 'heart', 'Tell murmurs apart', false, 'ADVANCED', '{}', 'NOT_STARTED', 0, 0);

INSERT INTO objective_prerequisites ("id", "objectiveId", "prerequisiteId", "strength")
VALUES ('1', 'cycle', 'valves', 1), ('2', 'murmurs', 'cycle', 1);

INSERT INTO cards ("id", "courseId", "objectiveId", "cardType", "difficulty", "stability", "retrievability", "reviewCount", "lapseCount", "front", "back")
SELECT 'card-' || id, 'physiology', id, 'BASIC', 5, 5, 0.9, 0, 0, '', '' FROM learning_objectives;

-- Reviews as an app with FSRS keeps them: bob forgets the valves, ann knows them.
INSERT INTO reviews ("id", "userId", "cardId", "rating", "timeSpentMs", "reviewedAt", "difficultyBefore", "stabilityBefore", "difficultyAfter", "stabilityAfter")
SELECT 'review-' || row_number() OVER (), learner, 'card-' || objective, rating::"ReviewRating", 8000,
       now() - days_ago * interval '1 day', 5, 5, 5, 5
FROM (VALUES ('ann', 'valves', 'GOOD', 6), ('ann', 'valves', 'EASY', 4), ('ann', 'cycle', 'GOOD', 3), ('ann', 'cycle', 'AGAIN', 2),
             ('bob', 'valves', 'AGAIN', 6), ('bob', 'valves', 'AGAIN', 5), ('bob', 'valves', 'HARD', 3), ('bob', 'cycle', 'AGAIN', 2),
             ('cyd', 'valves', 'GOOD', 5), ('cyd', 'valves', 'GOOD', 2)) AS answer (learner, objective, rating, days_ago);

-- What everybody plans for the coming days: predictions are about these.
INSERT INTO missions ("id", "userId", "date", "status", "estimatedMinutes", "objectives")
SELECT 'mission-' || learner || '-' || days, learner, date_trunc('day', now()) + days * interval '1 day', 'PENDING', 20,
       jsonb_build_array(jsonb_build_object('id', objective))
FROM unnest(ARRAY['ann', 'bob', 'cyd']) learner, (VALUES (2, 'valves'), (3, 'cycle'), (4, 'murmurs')) AS plan (days, objective);
