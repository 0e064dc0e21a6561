-- Every script that a bar was ever published as, compressed: who pins one by its hash gets these bytes as long as the bar lives.
CREATE TABLE bar_scripts (
  bar_id BLOB NOT NULL REFERENCES bars (id) ON DELETE CASCADE,
  hash TEXT NOT NULL,
  member_id BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
  version INTEGER NOT NULL,
  gzip BLOB NOT NULL,
  brotli BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (bar_id, hash)
) STRICT;
