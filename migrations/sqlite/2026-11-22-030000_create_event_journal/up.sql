-- What has arrived and is acknowledged, a commit a row, until it is folded into events and roll-ups. Rows live for less
-- than a second. `format` names the encoding; negative: could not be folded, and is kept for a human to look at.
CREATE TABLE event_journal (
  id INTEGER PRIMARY KEY,
  format INTEGER NOT NULL,
  events INTEGER NOT NULL,
  arrivals BLOB NOT NULL
) STRICT;
