-- What a member may: since when, by which plan before that (its retention holds for a while after a fall), and until when its
-- bars rest because the views of the period are used up. The plan itself, `members.plan`, has been there from the first day.
ALTER TABLE members ADD COLUMN plan_since timestamptz;
ALTER TABLE members ADD COLUMN former_plan text;
ALTER TABLE members ADD COLUMN resting_until timestamptz;

-- A member at Stripe. `fetches` numbers the looks at Stripe before they begin, `applied` is the newest whose answer was kept:
-- an older one that comes later is dropped.
CREATE TABLE billing_accounts (
  member_id uuid PRIMARY KEY REFERENCES members (id) ON DELETE CASCADE,
  customer text UNIQUE,
  at_limit text,
  fetches bigint NOT NULL DEFAULT 0,
  applied bigint NOT NULL DEFAULT 0,
  synced_at timestamptz,
  delinquent_since timestamptz,
  trial_used boolean NOT NULL DEFAULT false,
  cancelled_by_ending boolean NOT NULL DEFAULT false,
  card jsonb,
  checkout jsonb,
  created_at timestamptz NOT NULL
);

-- As Stripe said at the last look; ids are Stripe's.
CREATE TABLE billing_subscriptions (
  id text PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  status text NOT NULL,
  state jsonb NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX billing_subscriptions_of_member ON billing_subscriptions (member_id);

CREATE TABLE billing_invoices (
  id text PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  state jsonb NOT NULL,
  created_at timestamptz NOT NULL
);
CREATE INDEX billing_invoices_of_member ON billing_invoices (member_id, created_at);

-- Refunds and disputes, by the charge and the kind.
CREATE TABLE billing_reversals (
  charge text NOT NULL,
  kind text NOT NULL,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  amount bigint NOT NULL,
  currency text NOT NULL,
  seen_at timestamptz NOT NULL,
  PRIMARY KEY (charge, kind)
);
CREATE INDEX billing_reversals_of_member ON billing_reversals (member_id);

-- Every webhook that came, by Stripe's id, written in the transaction of its effect. Of those that concern nobody, member_id is null.
CREATE TABLE billing_events (
  id text PRIMARY KEY,
  member_id uuid REFERENCES members (id) ON DELETE CASCADE,
  kind text NOT NULL,
  object text,
  handled boolean NOT NULL,
  created_at timestamptz NOT NULL,
  received_at timestamptz NOT NULL
);
CREATE INDEX billing_events_of_member ON billing_events (member_id);
CREATE INDEX billing_events_by_time ON billing_events (received_at);

-- What we ask Stripe to do: written before it is asked; the row's id is the Idempotency-Key of every try.
CREATE TABLE billing_requests (
  id uuid PRIMARY KEY,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  kind text NOT NULL,
  slot text UNIQUE,
  method text NOT NULL,
  path text NOT NULL,
  form jsonb NOT NULL,
  state text NOT NULL,
  answer jsonb,
  error text,
  created_at timestamptz NOT NULL,
  ended_at timestamptz
);
CREATE INDEX billing_requests_of_member ON billing_requests (member_id);
CREATE INDEX billing_requests_open ON billing_requests (state, created_at);

-- What was said by mail, so that nothing is said twice.
CREATE TABLE billing_notices (
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  kind text NOT NULL,
  subject text NOT NULL,
  sent_at timestamptz NOT NULL,
  PRIMARY KEY (member_id, kind, subject)
);

-- The views of bars that were deleted: they were had all the same.
CREATE TABLE views_of_deleted_bars (
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  bar_id uuid NOT NULL,
  hour integer NOT NULL,
  views bigint NOT NULL,
  PRIMARY KEY (member_id, bar_id, hour)
);
