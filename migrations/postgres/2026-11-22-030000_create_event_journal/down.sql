DROP TABLE event_journal;
