-- Who ends a tenant takes the names of its access keys away too: they are the only free text about
-- it outside of its log.
GRANT UPDATE (name) ON merit.access_keys TO merit_app;
