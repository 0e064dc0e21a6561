DROP TABLE leads;
DROP TABLE mail_consents;
