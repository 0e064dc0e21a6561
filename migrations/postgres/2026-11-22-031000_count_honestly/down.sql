DROP TABLE own_browsers;
ALTER TABLE events DROP COLUMN country;
ALTER TABLE members DROP COLUMN events_purged_before;
ALTER TABLE members DROP COLUMN event_retention_days;
ALTER TABLE members DROP COLUMN excludes_own_users;
ALTER TABLE members DROP COLUMN own_addresses;
