-- What of a message may be looked at: its pixel (no target), and each link. Looks by people and by machines.
CREATE TABLE mail_tracks (
  token_sha256 bytea PRIMARY KEY,
  message_id uuid NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  target text,
  first_at timestamptz,
  by_people integer NOT NULL,
  by_machines integer NOT NULL,
  last_at timestamptz,
  last_by_person boolean NOT NULL,
  policy_version_id uuid
);
CREATE INDEX mail_tracks_of_message ON mail_tracks (message_id);
CREATE INDEX mail_tracks_looked_at ON mail_tracks (last_at) WHERE last_at IS NOT NULL;

-- Users who want no looks counted.
CREATE TABLE mail_untracked (
  user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  since timestamptz NOT NULL
);
