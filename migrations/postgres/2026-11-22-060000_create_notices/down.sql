DROP TABLE notice_reads;
DROP TABLE notice_recipients;
DROP TABLE notice_members;
DROP TABLE notices;
DROP TABLE breaches;
DROP TABLE operator_record;
DROP TABLE operators;
