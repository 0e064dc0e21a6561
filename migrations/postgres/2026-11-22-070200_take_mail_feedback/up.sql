-- A suppression may end by itself.
ALTER TABLE suppressions ADD COLUMN ends_at timestamptz;

-- What servers and recipients said of messages after they had left.
CREATE TABLE mail_feedback (
  id uuid PRIMARY KEY,
  message_id uuid NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  -- Of whence it came and what it is called there: said twice, it counts once.
  source_sha256 bytea NOT NULL UNIQUE,
  kind text NOT NULL,
  status text,
  words text NOT NULL,
  noted_at timestamptz NOT NULL
);
CREATE INDEX mail_feedback_of_message ON mail_feedback (message_id, kind, noted_at);
