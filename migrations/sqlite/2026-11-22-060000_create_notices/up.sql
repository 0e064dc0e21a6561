-- Operators, what they did and looked at, what they announce, and breaches (promises 23, 25, 33 and 35).

-- Who runs the service. A removed one stays, for the record names them.
CREATE TABLE operators (
  id BLOB PRIMARY KEY,
  name TEXT NOT NULL,
  token_sha256 BLOB NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  last_used_at INTEGER,
  removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX operators_by_name ON operators (name) WHERE removed_at IS NULL;

-- Append-only. No operator: the command line.
CREATE TABLE operator_record (
  id BLOB PRIMARY KEY,
  operator_id BLOB,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  -- Why a member's data was looked at.
  reason TEXT,
  detail TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX operator_record_by_time ON operator_record (at, id);
CREATE TRIGGER operator_record_not_changed BEFORE UPDATE ON operator_record
BEGIN SELECT RAISE(ABORT, 'operator_record is append-only'); END;
CREATE TRIGGER operator_record_not_deleted BEFORE DELETE ON operator_record
BEGIN SELECT RAISE(ABORT, 'operator_record is append-only'); END;

CREATE TABLE breaches (
  id BLOB PRIMARY KEY,
  what TEXT NOT NULL,
  noticed_at INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  -- Whom it concerns; null: not known yet.
  affected TEXT,
  notice_id BLOB,
  -- When the authority was told, or that it need not be, and why.
  authority_at INTEGER,
  authority_words TEXT,
  report TEXT,
  reported_at INTEGER,
  closed_at INTEGER,
  -- The operator was mailed that the time is nearly over, and that it is over.
  warned_at INTEGER,
  overdue_told_at INTEGER
) STRICT;

CREATE TABLE notices (
  id BLOB PRIMARY KEY,
  kind TEXT NOT NULL,
  stage TEXT,
  -- The first notice of the outage.
  thread_id BLOB,
  release TEXT,
  starts_at INTEGER,
  ends_at INTEGER,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  audience TEXT NOT NULL,
  state TEXT NOT NULL,
  breach_id BLOB REFERENCES breaches (id),
  written_at INTEGER NOT NULL,
  scheduled_for INTEGER,
  begun_at INTEGER,
  sent_at INTEGER,
  cancelled_at INTEGER
) STRICT;
CREATE INDEX notices_of_thread ON notices (thread_id);
CREATE INDEX notices_by_time ON notices (written_at, id);

-- Whom a notice concerns: shown in their dashboards. One transaction writes these and the mails.
CREATE TABLE notice_members (
  notice_id BLOB NOT NULL REFERENCES notices (id),
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  PRIMARY KEY (notice_id, member_id)
) STRICT;
CREATE INDEX notice_members_of_member ON notice_members (member_id, at);

-- Who was mailed: each person once, whatever members they belong to.
CREATE TABLE notice_recipients (
  notice_id BLOB NOT NULL REFERENCES notices (id),
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  member_id BLOB NOT NULL,
  message_id BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (notice_id, user_id)
) STRICT;
CREATE INDEX notice_recipients_of_member ON notice_recipients (member_id);

-- Who has read it in the dashboard. A policy's notice has the version's id.
CREATE TABLE notice_reads (
  notice_id BLOB NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  read_at INTEGER NOT NULL,
  PRIMARY KEY (notice_id, user_id)
) STRICT;
CREATE INDEX notice_reads_of_user ON notice_reads (user_id);
