import { prisma } from "./database";

const MOST_SHOWN = 20;
const SHOWN = ["PENDING", "CONFIRMED", "FALSE_POSITIVE"] as const;

function predictions(userId: string, date: { gte: Date } | { lt: Date }, direction: "asc" | "desc") {
  return prisma.strugglePrediction.findMany({
    where: { userId, predictionStatus: { in: [...SHOWN] }, predictionDate: date },
    include: {
      learningObjective: { include: { lecture: { include: { course: true } } } },
      struggleIndicators: true,
      interventionRecommendations: true,
    },
    orderBy: [{ predictionDate: direction }, { id: "asc" }],
    take: MOST_SHOWN,
  });
}

/** A learner's predictions with what speaks for them and what to do: ahead, the soonest first; then past, the latest first. */
export async function predictionsOf(userId: string, from: Date) {
  const [ahead, past] = await Promise.all([
    predictions(userId, { gte: from }, "asc"),
    predictions(userId, { lt: from }, "desc"),
  ]);
  return [...ahead, ...past].slice(0, MOST_SHOWN);
}

/** Whether the prediction is the learner's own. The service's token opens everybody's rows, so this must be asked first. */
export async function ownsPrediction(userId: string, id: string): Promise<boolean> {
  return (await prisma.strugglePrediction.count({ where: { id, userId } })) > 0;
}

/** Whether the recommendation is the learner's own. */
export async function ownsRecommendation(userId: string, id: string): Promise<boolean> {
  return (await prisma.interventionRecommendation.count({ where: { id, userId } })) > 0;
}

export type ShownPrediction = Awaited<ReturnType<typeof predictionsOf>>[number];

/** Why, in the words that the pipeline wrote for the student. */
export function reasons(prediction: ShownPrediction): string[] {
  const factors = prediction.strugglingFactors as { text?: string }[];
  return factors.flatMap((factor) => (factor.text ? [factor.text] : []));
}
