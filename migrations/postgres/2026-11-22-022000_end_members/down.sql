DROP INDEX messages_of_user;
DROP INDEX webhook_deliveries_of_member;
ALTER TABLE members DROP COLUMN ends_at;
