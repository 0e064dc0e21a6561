-- Every script that a bar was ever published as, compressed: who pins one by its hash gets these bytes as long as the bar lives.
CREATE TABLE bar_scripts (
  bar_id uuid NOT NULL REFERENCES bars (id) ON DELETE CASCADE,
  hash text NOT NULL,
  member_id uuid NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  version integer NOT NULL,
  gzip bytea NOT NULL,
  brotli bytea NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (bar_id, hash)
);
-- They are compressed already.
ALTER TABLE bar_scripts ALTER COLUMN gzip SET STORAGE EXTERNAL, ALTER COLUMN brotli SET STORAGE EXTERNAL;
