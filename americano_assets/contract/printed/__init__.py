"""The contract as others read it: SQL, a schema for Prisma, a page."""
