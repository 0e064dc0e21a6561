-- A suppression may end by itself.
ALTER TABLE suppressions ADD COLUMN ends_at INTEGER;

-- What servers and recipients said of messages after they had left.
CREATE TABLE mail_feedback (
  id BLOB PRIMARY KEY,
  message_id BLOB NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  -- Of whence it came and what it is called there: said twice, it counts once.
  source_sha256 BLOB NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  status TEXT,
  words TEXT NOT NULL,
  noted_at INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_feedback_of_message ON mail_feedback (message_id, kind, noted_at);
