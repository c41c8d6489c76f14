-- Run by the Postgres image when its volume is empty. talaria_owner owns the schema; what the others may do is granted by the Job.
CREATE ROLE talaria_owner LOGIN PASSWORD 'local';
CREATE ROLE talaria_ingestion LOGIN PASSWORD 'local';
CREATE ROLE talaria_processor LOGIN PASSWORD 'local';
CREATE ROLE talaria_dispatcher LOGIN PASSWORD 'local';
CREATE ROLE talaria_operator LOGIN PASSWORD 'local';
CREATE ROLE talaria_reader LOGIN PASSWORD 'local';
ALTER DATABASE talaria OWNER TO talaria_owner;
