-- What stands before the dot of an action, such as `bar`.
ALTER TABLE audit_log ADD COLUMN area text NOT NULL DEFAULT '';
UPDATE audit_log SET area = split_part(action, '.', 1);
CREATE INDEX audit_log_of_area ON audit_log (member_id, area, at, id);
CREATE INDEX audit_log_of_action ON audit_log (member_id, action, at, id);
CREATE INDEX audit_log_of_actor ON audit_log (member_id, actor_kind, actor_id, at, id);
