-- When a member that is leaving is purged; until then it can stay after all.
ALTER TABLE members ADD COLUMN ends_at INTEGER;
CREATE INDEX webhook_deliveries_of_member ON webhook_deliveries (member_id);
CREATE INDEX messages_of_user ON messages (user_id) WHERE user_id IS NOT NULL;
