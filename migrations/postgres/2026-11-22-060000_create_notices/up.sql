-- Operators, what they did and looked at, what they announce, and breaches (promises 23, 25, 33 and 35).

-- Who runs the service. A removed one stays, for the record names them.
CREATE TABLE operators (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  token_sha256 bytea NOT NULL UNIQUE,
  hint text NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz,
  removed_at timestamptz
);
CREATE UNIQUE INDEX operators_by_name ON operators (name) WHERE removed_at IS NULL;

-- Append-only. No operator: the command line.
CREATE TABLE operator_record (
  id uuid PRIMARY KEY,
  operator_id uuid,
  action text NOT NULL,
  target text NOT NULL,
  -- Why a member's data was looked at.
  reason text,
  detail jsonb NOT NULL,
  at timestamptz NOT NULL
);
CREATE INDEX operator_record_by_time ON operator_record (at, id);
CREATE TRIGGER operator_record_only_added BEFORE UPDATE OR DELETE ON operator_record
  FOR EACH ROW EXECUTE FUNCTION only_added();

CREATE TABLE breaches (
  id uuid PRIMARY KEY,
  what text NOT NULL,
  noticed_at timestamptz NOT NULL,
  opened_at timestamptz NOT NULL,
  -- Whom it concerns; null: not known yet.
  affected jsonb,
  notice_id uuid,
  -- When the authority was told, or that it need not be, and why.
  authority_at timestamptz,
  authority_words text,
  report text,
  reported_at timestamptz,
  closed_at timestamptz,
  -- The operator was mailed that the time is nearly over, and that it is over.
  warned_at timestamptz,
  overdue_told_at timestamptz
);

CREATE TABLE notices (
  id uuid PRIMARY KEY,
  kind text NOT NULL,
  stage text,
  -- The first notice of the outage.
  thread_id uuid,
  release text,
  starts_at timestamptz,
  ends_at timestamptz,
  title jsonb NOT NULL,
  body jsonb NOT NULL,
  audience jsonb NOT NULL,
  state text NOT NULL,
  breach_id uuid REFERENCES breaches (id),
  written_at timestamptz NOT NULL,
  scheduled_for timestamptz,
  begun_at timestamptz,
  sent_at timestamptz,
  cancelled_at timestamptz
);
CREATE INDEX notices_of_thread ON notices (thread_id);
CREATE INDEX notices_by_time ON notices (written_at, id);

-- Whom a notice concerns: shown in their dashboards. One transaction writes these and the mails.
CREATE TABLE notice_members (
  notice_id uuid NOT NULL REFERENCES notices (id),
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  at timestamptz NOT NULL,
  PRIMARY KEY (notice_id, member_id)
);
CREATE INDEX notice_members_of_member ON notice_members (member_id, at);

-- Who was mailed: each person once, whatever members they belong to.
CREATE TABLE notice_recipients (
  notice_id uuid NOT NULL REFERENCES notices (id),
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  member_id uuid NOT NULL,
  message_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (notice_id, user_id)
);
CREATE INDEX notice_recipients_of_member ON notice_recipients (member_id);

-- Who has read it in the dashboard. A policy's notice has the version's id.
CREATE TABLE notice_reads (
  notice_id uuid NOT NULL,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  read_at timestamptz NOT NULL,
  PRIMARY KEY (notice_id, user_id)
);
CREATE INDEX notice_reads_of_user ON notice_reads (user_id);
