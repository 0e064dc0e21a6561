DROP INDEX audit_log_of_actor;
DROP INDEX audit_log_of_action;
DROP INDEX audit_log_of_area;
ALTER TABLE audit_log DROP COLUMN area;
