-- Who decides in somebody's name has the roles that the keys and the sign-in of that person open.
CREATE INDEX access_keys_by_person ON merit.access_keys (tenant_id, person_id)
    WHERE person_id IS NOT NULL;
