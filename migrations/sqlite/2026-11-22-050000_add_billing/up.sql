-- What a member may: since when, by which plan before that (its retention holds for a while after a fall), and until when its
-- bars rest because the views of the period are used up. The plan itself, `members.plan`, has been there from the first day.
ALTER TABLE members ADD COLUMN plan_since INTEGER;
ALTER TABLE members ADD COLUMN former_plan TEXT;
ALTER TABLE members ADD COLUMN resting_until INTEGER;

-- A member at Stripe. `fetches` numbers the looks at Stripe before they begin, `applied` is the newest whose answer was kept:
-- an older one that comes later is dropped.
CREATE TABLE billing_accounts (
  member_id BLOB PRIMARY KEY REFERENCES members (id) ON DELETE CASCADE,
  customer TEXT UNIQUE,
  at_limit TEXT,
  fetches INTEGER NOT NULL DEFAULT 0,
  applied INTEGER NOT NULL DEFAULT 0,
  synced_at INTEGER,
  delinquent_since INTEGER,
  trial_used INTEGER NOT NULL DEFAULT 0,
  cancelled_by_ending INTEGER NOT NULL DEFAULT 0,
  card TEXT,
  checkout TEXT,
  created_at INTEGER NOT NULL
) STRICT;

-- As Stripe said at the last look; ids are Stripe's.
CREATE TABLE billing_subscriptions (
  id TEXT PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  status TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX billing_subscriptions_of_member ON billing_subscriptions (member_id);

CREATE TABLE billing_invoices (
  id TEXT PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX billing_invoices_of_member ON billing_invoices (member_id, created_at);

-- Refunds and disputes, by the charge and the kind.
CREATE TABLE billing_reversals (
  charge TEXT NOT NULL,
  kind TEXT NOT NULL,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (charge, kind)
) STRICT;
CREATE INDEX billing_reversals_of_member ON billing_reversals (member_id);

-- Every webhook that came, by Stripe's id, written in the transaction of its effect. Of those that concern nobody, member_id is null.
CREATE TABLE billing_events (
  id TEXT PRIMARY KEY,
  member_id BLOB REFERENCES members (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  object TEXT,
  handled INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX billing_events_of_member ON billing_events (member_id);
CREATE INDEX billing_events_by_time ON billing_events (received_at);

-- What we ask Stripe to do: written before it is asked; the row's id is the Idempotency-Key of every try.
CREATE TABLE billing_requests (
  id BLOB PRIMARY KEY,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  slot TEXT UNIQUE,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  form TEXT NOT NULL,
  state TEXT NOT NULL,
  answer TEXT,
  error TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE INDEX billing_requests_of_member ON billing_requests (member_id);
CREATE INDEX billing_requests_open ON billing_requests (state, created_at);

-- What was said by mail, so that nothing is said twice.
CREATE TABLE billing_notices (
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  sent_at INTEGER NOT NULL,
  PRIMARY KEY (member_id, kind, subject)
) STRICT;

-- The views of bars that were deleted: they were had all the same.
CREATE TABLE views_of_deleted_bars (
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  bar_id BLOB NOT NULL,
  hour INTEGER NOT NULL,
  views INTEGER NOT NULL,
  PRIMARY KEY (member_id, bar_id, hour)
) STRICT;
