import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";
import "server-only";

// One client a process, also when Next.js loads this module again while developing.
const kept = globalThis as typeof globalThis & { prisma?: PrismaClient };

export const prisma = (kept.prisma ??= new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }),
}));
