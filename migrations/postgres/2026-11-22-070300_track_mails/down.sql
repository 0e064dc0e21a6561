DROP TABLE mail_untracked;
DROP TABLE mail_tracks;
