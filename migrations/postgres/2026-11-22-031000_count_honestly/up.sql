-- What a member's own visits are: addresses, and browsers in which somebody of the team was signed in.
ALTER TABLE members ADD COLUMN own_addresses jsonb NOT NULL DEFAULT '[]';
ALTER TABLE members ADD COLUMN excludes_own_users boolean NOT NULL DEFAULT false;

-- How long a member's single events are kept (null: as the setting says), and before when some may be gone.
ALTER TABLE members ADD COLUMN event_retention_days integer;
ALTER TABLE members ADD COLUMN events_purged_before timestamptz;
UPDATE members SET events_purged_before = coalesce(
  (SELECT min(received_at) FROM events WHERE events.member_id = members.id),
  (SELECT to_timestamp((max(hour)::bigint + 1) * 3600) FROM hourly_counts WHERE hourly_counts.member_id = members.id)
);

-- Two letters; empty: unknown; null: nobody looked.
ALTER TABLE events ADD COLUMN country text;

-- Hashes with the day's salt, as visitors are; gone when it is.
CREATE TABLE own_browsers (
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  day integer NOT NULL,
  browser uuid NOT NULL,
  PRIMARY KEY (member_id, day, browser)
);
CREATE INDEX own_browsers_by_day ON own_browsers (day);
