-- A log's signing key can be followed by another. The statement of that is signed by both, so who has
-- pinned one of them can tell that the other is of the same log.
ALTER TABLE merit.signing_keys
    ADD COLUMN introduction text,
    ADD CHECK ((generation = 1) = (introduction IS NULL));
