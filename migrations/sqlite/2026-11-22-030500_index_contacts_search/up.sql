-- A search finds what holds its words anywhere: an index of threes of letters, as pg_trgm is for PostgreSQL. It keeps no
-- text; `contact_trigrams_of` says whose a row is. Triggers keep both.
CREATE TABLE contact_trigrams_of (
  place INTEGER PRIMARY KEY,
  contact_id BLOB NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE contact_trigrams USING fts5 (
  search, content = '', contentless_delete = 1, tokenize = 'trigram', detail = none
);
INSERT INTO contact_trigrams_of (contact_id) SELECT id FROM contacts;
INSERT INTO contact_trigrams (rowid, search)
  SELECT place, search FROM contacts JOIN contact_trigrams_of ON contact_id = contacts.id;

CREATE TRIGGER contacts_search_insert AFTER INSERT ON contacts BEGIN
  INSERT INTO contact_trigrams_of (contact_id) VALUES (new.id);
  INSERT INTO contact_trigrams (rowid, search)
    SELECT place, new.search FROM contact_trigrams_of WHERE contact_id = new.id;
END;
CREATE TRIGGER contacts_search_update AFTER UPDATE OF search ON contacts WHEN old.search <> new.search BEGIN
  UPDATE contact_trigrams SET search = new.search
    WHERE rowid = (SELECT place FROM contact_trigrams_of WHERE contact_id = new.id);
END;
CREATE TRIGGER contacts_search_delete AFTER DELETE ON contacts BEGIN
  DELETE FROM contact_trigrams WHERE rowid = (SELECT place FROM contact_trigrams_of WHERE contact_id = old.id);
  DELETE FROM contact_trigrams_of WHERE contact_id = old.id;
END;
