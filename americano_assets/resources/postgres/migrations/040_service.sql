-- What the HTTP service keeps: who may call it, and how often a learner's predictions were asked for.

CREATE TABLE ml.api_tokens (
  name text PRIMARY KEY,              -- what people call it; never the token
  token_hash text NOT NULL UNIQUE,    -- SHA-256 of the token, hexadecimal: 256 random bits need no slow hash
  learner_id text,                    -- only this learner's rows; null: the app, every learner's
  created_at timestamp(3) NOT NULL,
  expires_at timestamp(3),            -- null: until revoked
  revoked_at timestamp(3)             -- rows stay, so that a database that ever had a token is never open again
);

CREATE TABLE ml.generate_budget (     -- one row a learner: their budget of calls is whole again at this instant
  user_id text PRIMARY KEY,
  whole_at timestamp(3) NOT NULL
);
