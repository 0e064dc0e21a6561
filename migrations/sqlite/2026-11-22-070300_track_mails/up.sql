-- What of a message may be looked at: its pixel (no target), and each link. Looks by people and by machines.
CREATE TABLE mail_tracks (
  token_sha256 BLOB PRIMARY KEY,
  message_id BLOB NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  target TEXT,
  first_at INTEGER,
  by_people INTEGER NOT NULL,
  by_machines INTEGER NOT NULL,
  last_at INTEGER,
  last_by_person INTEGER NOT NULL,
  policy_version_id BLOB
) STRICT;
CREATE INDEX mail_tracks_of_message ON mail_tracks (message_id);
CREATE INDEX mail_tracks_looked_at ON mail_tracks (last_at) WHERE last_at IS NOT NULL;

-- Users who want no looks counted.
CREATE TABLE mail_untracked (
  user_id BLOB PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  since INTEGER NOT NULL
) STRICT;
