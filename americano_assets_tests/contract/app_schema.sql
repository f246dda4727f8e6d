-- An app's database as its own Prisma migrations lay it out, of which the contract is a part: further columns, tables,
-- enums, defaults and indexes; optional columns that are not there; `analysis_runs` with enums of its own; and the three
-- prediction tables made by hand, with TEXT where the schema has enums.
CREATE TYPE "EventType" AS ENUM ('MISSION_STARTED', 'MISSION_COMPLETED', 'CARD_REVIEWED', 'VALIDATION_COMPLETED',
  'SESSION_STARTED', 'SESSION_ENDED', 'LECTURE_UPLOADED', 'SEARCH_PERFORMED', 'GRAPH_VIEWED', 'RECOMMENDATION_VIEWED',
  'RECOMMENDATION_CLICKED', 'RECOMMENDATION_DISMISSED', 'RECOMMENDATION_RATED');
CREATE TYPE "ReviewRating" AS ENUM ('AGAIN', 'HARD', 'GOOD', 'EASY');
CREATE TYPE "ObjectiveComplexity" AS ENUM ('BASIC', 'INTERMEDIATE', 'ADVANCED');
CREATE TYPE "MasteryLevel" AS ENUM ('NOT_STARTED', 'BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'MASTERED');
CREATE TYPE "MissionStatus" AS ENUM ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'SKIPPED');
CREATE TYPE "CompletionQuality" AS ENUM ('RUSHED', 'NORMAL', 'THOROUGH');
CREATE TYPE "EngagementLevel" AS ENUM ('LOW', 'MEDIUM', 'HIGH');
CREATE TYPE "PromptType" AS ENUM ('EXPLAIN_TO_PATIENT', 'CLINICAL_REASONING', 'CONTROLLED_FAILURE');
CREATE TYPE "CardType" AS ENUM ('BASIC', 'CLOZE', 'CLINICAL_REASONING');
CREATE TYPE "AnalysisType" AS ENUM ('BAYESIAN_MULTILEVEL', 'RANDOMIZATION_TEST', 'DESCRIPTIVE');
CREATE TYPE "AnalysisStatus" AS ENUM ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED');
CREATE TYPE "ProcessingStatus" AS ENUM ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED');
CREATE TYPE "ExperimentPhase" AS ENUM ('A1', 'B1', 'A2', 'B2');

CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "email" TEXT,
    "name" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    "defaultMissionMinutes" INTEGER NOT NULL DEFAULT 50,
    "includeInAnalytics" BOOLEAN NOT NULL DEFAULT true,
    "performanceTrackingEnabled" BOOLEAN NOT NULL DEFAULT true,
    "behavioralAnalysisEnabled" BOOLEAN NOT NULL DEFAULT true,
    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "courses" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "code" TEXT,
    "term" TEXT,
    "color" TEXT,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    CONSTRAINT "courses_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "lectures" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "courseId" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "fileName" TEXT NOT NULL,
    "fileUrl" TEXT NOT NULL,
    "fileSize" INTEGER NOT NULL,
    "processingStatus" "ProcessingStatus" NOT NULL DEFAULT 'PENDING',
    "uploadedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "topicTags" TEXT[],
    CONSTRAINT "lectures_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "learning_objectives" (
    "id" TEXT NOT NULL,
    "lectureId" TEXT NOT NULL,
    "objective" TEXT NOT NULL,
    "isHighYield" BOOLEAN NOT NULL DEFAULT false,
    "extractedBy" TEXT NOT NULL DEFAULT 'hand',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "complexity" "ObjectiveComplexity" NOT NULL DEFAULT 'INTERMEDIATE',
    "boardExamTags" TEXT[],
    "pageStart" INTEGER,
    "masteryLevel" "MasteryLevel" NOT NULL DEFAULT 'NOT_STARTED',
    "totalStudyTimeMs" INTEGER NOT NULL DEFAULT 0,
    "weaknessScore" DOUBLE PRECISION NOT NULL DEFAULT 0.5,
    CONSTRAINT "learning_objectives_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "objective_prerequisites" (
    "id" TEXT NOT NULL,
    "objectiveId" TEXT NOT NULL,
    "prerequisiteId" TEXT NOT NULL,
    "strength" DOUBLE PRECISION NOT NULL DEFAULT 1.0,
    CONSTRAINT "objective_prerequisites_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "missions" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "date" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "status" "MissionStatus" NOT NULL DEFAULT 'PENDING',
    "estimatedMinutes" INTEGER NOT NULL,
    "completedAt" TIMESTAMP(3),
    "reviewCardCount" INTEGER NOT NULL DEFAULT 0,
    "objectives" JSONB NOT NULL,
    "difficultyRating" INTEGER,
    CONSTRAINT "missions_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "cards" (
    "id" TEXT NOT NULL,
    "courseId" TEXT NOT NULL,
    "lectureId" TEXT,
    "objectiveId" TEXT,
    "front" TEXT NOT NULL,
    "back" TEXT NOT NULL,
    "cardType" "CardType" NOT NULL DEFAULT 'BASIC',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "difficulty" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "stability" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "retrievability" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "nextReviewAt" TIMESTAMP(3),
    "reviewCount" INTEGER NOT NULL DEFAULT 0,
    "lapseCount" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "cards_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "study_sessions" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "missionId" TEXT,
    "startedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completedAt" TIMESTAMP(3),
    "durationMs" INTEGER,
    "reviewsCompleted" INTEGER NOT NULL DEFAULT 0,
    "newCardsStudied" INTEGER NOT NULL DEFAULT 0,
    "sessionNotes" TEXT,
    CONSTRAINT "study_sessions_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "reviews" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "cardId" TEXT NOT NULL,
    "sessionId" TEXT,
    "rating" "ReviewRating" NOT NULL,
    "timeSpentMs" INTEGER NOT NULL,
    "reviewedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "difficultyBefore" DOUBLE PRECISION NOT NULL,
    "stabilityBefore" DOUBLE PRECISION NOT NULL,
    "difficultyAfter" DOUBLE PRECISION NOT NULL,
    "stabilityAfter" DOUBLE PRECISION NOT NULL,
    CONSTRAINT "reviews_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "validation_prompts" (
    "id" TEXT NOT NULL,
    "promptText" TEXT NOT NULL,
    "promptType" "PromptType" NOT NULL,
    "conceptName" TEXT NOT NULL,
    "objectiveId" TEXT,
    "expectedCriteria" TEXT[],
    CONSTRAINT "validation_prompts_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "validation_responses" (
    "id" TEXT NOT NULL,
    "promptId" TEXT NOT NULL,
    "sessionId" TEXT,
    "userId" TEXT NOT NULL,
    "userAnswer" TEXT NOT NULL,
    "aiEvaluation" TEXT NOT NULL,
    "score" DOUBLE PRECISION NOT NULL,
    "confidence" DOUBLE PRECISION,
    "confidenceLevel" INTEGER,
    "skipped" BOOLEAN NOT NULL DEFAULT false,
    "detailedFeedback" JSONB,
    "respondedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    CONSTRAINT "validation_responses_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "exams" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "date" TIMESTAMP(3) NOT NULL,
    "courseId" TEXT NOT NULL,
    "coverageTopics" TEXT[],
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,
    CONSTRAINT "exams_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "user_learning_profiles" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "preferredStudyTimes" JSONB NOT NULL,
    "averageSessionDuration" INTEGER NOT NULL,
    "optimalSessionDuration" INTEGER NOT NULL,
    "contentPreferences" JSONB NOT NULL,
    "learningStyleProfile" JSONB NOT NULL,
    "personalizedForgettingCurve" JSONB NOT NULL,
    "lastAnalyzedAt" TIMESTAMP(3) NOT NULL,
    "dataQualityScore" DOUBLE PRECISION NOT NULL,
    CONSTRAINT "user_learning_profiles_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "context_metadata" ("id" TEXT NOT NULL, "stress" INTEGER, CONSTRAINT "context_metadata_pkey" PRIMARY KEY ("id"));
CREATE TABLE "behavioral_events" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "eventType" "EventType" NOT NULL,
    "eventData" JSONB NOT NULL,
    "timestamp" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completionQuality" "CompletionQuality",
    "contentType" TEXT,
    "dayOfWeek" INTEGER,
    "difficultyLevel" TEXT,
    "engagementLevel" "EngagementLevel",
    "sessionPerformanceScore" INTEGER,
    "timeOfDay" INTEGER,
    "experimentPhase" "ExperimentPhase",
    "contextMetadataId" TEXT,
    CONSTRAINT "behavioral_events_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "analysis_runs" (
    "id" TEXT NOT NULL,
    "protocolId" TEXT NOT NULL,
    "runName" TEXT NOT NULL,
    "analysisType" "AnalysisType" NOT NULL,
    "codeCommitHash" TEXT NOT NULL,
    "dataVersionHash" TEXT NOT NULL,
    "inputParams" JSONB NOT NULL,
    "mlflowRunId" TEXT,
    "artifactPaths" TEXT[],
    "resultsSummary" JSONB NOT NULL,
    "startedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completedAt" TIMESTAMP(3),
    "status" "AnalysisStatus" NOT NULL DEFAULT 'PENDING',
    CONSTRAINT "analysis_runs_pkey" PRIMARY KEY ("id")
);
CREATE TABLE "streaks" (
    "id" TEXT NOT NULL,
    "userId" TEXT NOT NULL,
    "days" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "streaks_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "users_email_key" ON "users"("email");
CREATE INDEX "courses_userId_idx" ON "courses"("userId");
CREATE INDEX "lectures_courseId_idx" ON "lectures"("courseId");
CREATE INDEX "learning_objectives_lectureId_idx" ON "learning_objectives"("lectureId");
CREATE UNIQUE INDEX "objective_prerequisites_objectiveId_prerequisiteId_key"
    ON "objective_prerequisites"("objectiveId", "prerequisiteId");
CREATE INDEX "missions_userId_idx" ON "missions"("userId");
CREATE INDEX "cards_courseId_idx" ON "cards"("courseId");
CREATE INDEX "reviews_userId_idx" ON "reviews"("userId");
CREATE INDEX "reviews_reviewedAt_idx" ON "reviews"("reviewedAt");
CREATE INDEX "validation_responses_userId_respondedAt_idx" ON "validation_responses"("userId", "respondedAt");
CREATE UNIQUE INDEX "user_learning_profiles_userId_key" ON "user_learning_profiles"("userId");
CREATE INDEX "behavioral_events_userId_eventType_timestamp_idx"
    ON "behavioral_events"("userId", "eventType", "timestamp");
CREATE UNIQUE INDEX "streaks_userId_key" ON "streaks"("userId");

ALTER TABLE "courses" ADD CONSTRAINT "courses_userId_fkey"
    FOREIGN KEY ("userId") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "lectures" ADD CONSTRAINT "lectures_courseId_fkey"
    FOREIGN KEY ("courseId") REFERENCES "courses"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "learning_objectives" ADD CONSTRAINT "learning_objectives_lectureId_fkey"
    FOREIGN KEY ("lectureId") REFERENCES "lectures"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "missions" ADD CONSTRAINT "missions_userId_fkey"
    FOREIGN KEY ("userId") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_cardId_fkey"
    FOREIGN KEY ("cardId") REFERENCES "cards"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "behavioral_events" ADD CONSTRAINT "behavioral_events_contextMetadataId_fkey"
    FOREIGN KEY ("contextMetadataId") REFERENCES "context_metadata"("id") ON DELETE SET NULL ON UPDATE CASCADE;
ALTER TABLE "streaks" ADD CONSTRAINT "streaks_userId_fkey"
    FOREIGN KEY ("userId") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "struggle_predictions" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "learningObjectiveId" TEXT NOT NULL,
    "topicId" TEXT,
    "predictedStruggleProbability" DOUBLE PRECISION NOT NULL,
    "predictionConfidence" DOUBLE PRECISION NOT NULL,
    "predictionStatus" TEXT NOT NULL DEFAULT 'PENDING',
    "featureVector" JSONB,
    "strugglingFactors" JSONB NOT NULL,
    "predictionDate" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "predictedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "acknowledgedAt" TIMESTAMP(3),
    "actualOutcome" BOOLEAN,
    "actualOutcomeRecordedAt" TIMESTAMP(3),
    "interventionApplied" BOOLEAN NOT NULL DEFAULT false,
    "interventionId" TEXT,
    FOREIGN KEY ("learningObjectiveId") REFERENCES "learning_objectives"("id") ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE TABLE "struggle_indicators" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "learningObjectiveId" TEXT NOT NULL,
    "predictionId" TEXT,
    "indicatorType" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "context" JSONB,
    "detectedAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY ("predictionId") REFERENCES "struggle_predictions"("id") ON DELETE SET NULL ON UPDATE CASCADE
);
CREATE TABLE "intervention_recommendations" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "userId" TEXT NOT NULL,
    "predictionId" TEXT,
    "interventionType" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "reasoning" TEXT NOT NULL,
    "priority" INTEGER NOT NULL DEFAULT 5,
    "status" TEXT NOT NULL DEFAULT 'PENDING',
    "relatedObjectiveId" TEXT,
    "appliedToMissionId" TEXT,
    "appliedAt" TIMESTAMP(3),
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "acknowledgedAt" TIMESTAMP(3),
    FOREIGN KEY ("predictionId") REFERENCES "struggle_predictions"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX ON "struggle_predictions"("learningObjectiveId");
CREATE INDEX ON "struggle_predictions"("predictedStruggleProbability");
CREATE INDEX ON "struggle_predictions"("predictionStatus");
CREATE INDEX ON "struggle_predictions"("predictionDate");
CREATE INDEX ON "struggle_predictions"("topicId");
CREATE INDEX ON "struggle_predictions"("userId", "predictionStatus", "predictedStruggleProbability");
CREATE INDEX ON "struggle_predictions"("userId", "topicId", "predictionDate");
CREATE INDEX ON "struggle_indicators"("userId");
CREATE INDEX ON "struggle_indicators"("learningObjectiveId");
CREATE INDEX ON "struggle_indicators"("predictionId");
CREATE INDEX ON "struggle_indicators"("indicatorType");
CREATE INDEX ON "struggle_indicators"("severity");
CREATE INDEX ON "intervention_recommendations"("userId");
CREATE INDEX ON "intervention_recommendations"("predictionId");
CREATE INDEX ON "intervention_recommendations"("status");
CREATE INDEX ON "intervention_recommendations"("priority");
