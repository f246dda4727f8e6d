// What the app's Prisma client sees and does, as JSON on standard output.
//
//   node checks/rows.mjs read LEARNER            the learner's rows, through filters, relations and enums
//   node checks/rows.mjs touch LEARNER           acknowledges, dismisses and skips what stands there
//   PRISMA_CLIENT=<folder> …                     another generated client than the package's own
import { createRequire } from "node:module";

import { PrismaPg } from "@prisma/adapter-pg";

const { PrismaClient } = createRequire(import.meta.url)(process.env.PRISMA_CLIENT ?? "@prisma/client");
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });

async function read(userId) {
  const predictions = await prisma.strugglePrediction.findMany({
    where: {
      userId,
      predictionStatus: { in: ["PENDING", "DISMISSED"] },
      predictedStruggleProbability: { gte: 0.4 },
      predictionDate: { gt: new Date("2026-01-01T00:00:00Z") },
      strugglingFactors: { not: [] },
    },
    include: {
      learningObjective: { include: { lecture: { include: { course: true } } } },
      struggleIndicators: { where: { severity: { in: ["LOW", "MEDIUM", "HIGH"] } }, orderBy: { id: "asc" } },
      interventionRecommendations: { orderBy: [{ priority: "desc" }, { id: "asc" }] },
    },
    orderBy: { id: "asc" },
  });
  const byStatus = await prisma.strugglePrediction.groupBy({ by: ["predictionStatus"], _count: true, where: { userId } });
  return { predictions, byStatus };
}

async function touch(userId) {
  const at = new Date("2026-03-10T07:30:00.123Z");
  const [first] = await prisma.strugglePrediction.findMany({ where: { userId }, orderBy: { id: "asc" } });
  await prisma.strugglePrediction.update({
    where: { id: first.id },
    data: { predictionStatus: "DISMISSED", acknowledgedAt: at },
  });
  await prisma.interventionRecommendation.updateMany({
    where: { userId, predictionId: first.id },
    data: { status: "SKIPPED", acknowledgedAt: at },
  });
  return { touched: first.id };
}

const [what, learner] = process.argv.slice(2);
console.log(JSON.stringify(await { read, touch }[what](learner)));
await prisma.$disconnect();
