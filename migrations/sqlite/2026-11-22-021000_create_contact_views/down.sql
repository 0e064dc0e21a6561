DROP INDEX audit_log_of_target;
DROP TABLE contact_views;
