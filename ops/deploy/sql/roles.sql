-- Runs once, as superuser, on a new server: the login that owns and the one that serves. Their
-- passwords are set by hand afterwards:  \password merit_owner  and  \password merit
CREATE ROLE merit_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
CREATE ROLE merit_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
CREATE ROLE merit_auditor NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
CREATE ROLE merit LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
GRANT merit_app, merit_auditor TO merit;
CREATE DATABASE merit OWNER merit_owner;
REVOKE ALL ON DATABASE merit FROM PUBLIC;
GRANT CONNECT ON DATABASE merit TO merit;
