DROP TABLE mail_feedback;
DELETE FROM suppressions WHERE ends_at IS NOT NULL OR reason = 'complained';
ALTER TABLE suppressions DROP COLUMN ends_at;
