-- A login for Halo Link that can read one database and nothing else: enough for the policy { "readOnly": true }.
-- Run it as a superuser in the practice's database, once for each database that the Link reads:
--
--   psql -d practice -v login=halo_reader -v password='a long random password' -f postgres-reader.sql
--   psql -d practice -v login=halo_reader -v password='…' -v strict=1 -f postgres-reader.sql
--
-- Running it again does no harm. Works on PostgreSQL 11 and later. It ends with what still stands in the way, if anything does.

\set ON_ERROR_STOP on
\set QUIET on

SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'login') AS is_new \gset
\if :is_new
CREATE ROLE :"login" LOGIN PASSWORD :'password';
\endif
ALTER ROLE :"login" WITH LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE :"login" SET default_transaction_read_only = on;

-- Every table and view there is, and those that the owners of today's tables make later.
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), :'login') \gexec
SELECT format('GRANT USAGE ON SCHEMA %I TO %I; GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', nspname, :'login', nspname, :'login')
FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' AND nspname <> 'information_schema' \gexec
SELECT DISTINCT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA %I GRANT SELECT ON TABLES TO %I', pg_get_userbyid(c.relowner), n.nspname, :'login')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' \gexec

-- Up to version 14 every login may make tables in the schema public. This takes it from all but its owner and those whom it was granted by name:
-- where the practice's own program makes tables there under another login, grant it CREATE first.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- What stays open to this login without "strict", because it is PUBLIC's and taking it away concerns the practice's own programs too:
--   * pg_cancel_backend and pg_terminate_backend: of sessions of this same login alone, that is, of other queries of Halo Link;
--   * pg_advisory_lock and its kin: a lock by number that holds up a program which uses the same number. The Link gives it back within a second of the
--     query's end, and the blocking guard (protection.blockingGuardMs) cancels a query that holds up the practice's own session;
--   * temporary tables, in the database's temporary space.
-- With "strict" these are taken from PUBLIC. Superusers keep them; whom the practice's program logs in as, if it is none and uses them, needs a GRANT.
-- pg_terminate_backend stays with the reader, for its own sessions: by it the Link ends a statement that does not obey a cancel.
\if :{?strict}
SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', oid::regprocedure)
FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
    AND (proname IN ('pg_cancel_backend', 'pg_terminate_backend') OR proname LIKE 'pg\_advisory\_%' OR proname LIKE 'pg\_try\_advisory\_%') \gexec
SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, :'login')
FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = 'pg_terminate_backend' \gexec
SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()) \gexec
\endif

-- Nothing, or the tables that this login could change all the same, since their rights were granted to PUBLIC or to a role of its.
SELECT n.nspname AS schema, c.relname AS "can still be changed"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    AND (has_any_column_privilege(:'login', c.oid, 'INSERT, UPDATE') OR has_table_privilege(:'login', c.oid, 'DELETE, TRUNCATE, TRIGGER'));
