import { prisma } from "./database";

/** A learner's open and judged predictions, the soonest first, with what speaks for them and what to do. */
export function predictionsOf(userId: string) {
  return prisma.strugglePrediction.findMany({
    where: { userId, predictionStatus: { in: ["PENDING", "CONFIRMED", "FALSE_POSITIVE"] } },
    include: {
      learningObjective: { include: { lecture: { include: { course: true } } } },
      struggleIndicators: true,
      interventionRecommendations: true,
    },
    orderBy: [{ predictionDate: "desc" }, { id: "asc" }],
    take: 20,
  });
}

export type ShownPrediction = Awaited<ReturnType<typeof predictionsOf>>[number];

/** Why, in the words that the pipeline wrote for the student. */
export function reasons(prediction: ShownPrediction): string[] {
  const factors = prediction.strugglingFactors as { text?: string }[];
  return factors.flatMap((factor) => (factor.text ? [factor.text] : []));
}
