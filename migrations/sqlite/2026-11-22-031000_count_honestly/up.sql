-- What a member's own visits are: addresses, and browsers in which somebody of the team was signed in.
ALTER TABLE members ADD COLUMN own_addresses TEXT NOT NULL DEFAULT '[]';
ALTER TABLE members ADD COLUMN excludes_own_users INTEGER NOT NULL DEFAULT 0;

-- How long a member's single events are kept (null: as the setting says), and before when some may be gone.
ALTER TABLE members ADD COLUMN event_retention_days INTEGER;
ALTER TABLE members ADD COLUMN events_purged_before INTEGER;
UPDATE members SET events_purged_before = coalesce(
  (SELECT min(received_at) FROM events WHERE events.member_id = members.id),
  (SELECT (max(hour) + 1) * 3600000000 FROM hourly_counts WHERE hourly_counts.member_id = members.id)
);

-- Two letters; empty: unknown; null: nobody looked.
ALTER TABLE events ADD COLUMN country TEXT;

-- Hashes with the day's salt, as visitors are; gone when it is.
CREATE TABLE own_browsers (
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  day INTEGER NOT NULL,
  browser BLOB NOT NULL,
  PRIMARY KEY (member_id, day, browser)
) STRICT, WITHOUT ROWID;
CREATE INDEX own_browsers_by_day ON own_browsers (day);
