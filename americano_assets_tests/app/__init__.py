"""The app's side: Prisma's client and the example page, against what a night wrote."""
