-- Wrapped keys, and the proof of the log: Merkle tree tiles and the checkpoints signed over them.
-- Nothing here can be used without the master key, which is never in the database.

CREATE TABLE merit.tenant_keys (
    tenant_id uuid NOT NULL,
    key_id uuid NOT NULL,
    -- The newest generation seals, all of them open. Unique, so that of two processes that make
    -- a tenant's first key at once, one key remains.
    generation integer NOT NULL,
    algorithm text NOT NULL,
    -- Null once destroyed.
    wrapped bytea,
    wrapped_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key_id),
    UNIQUE (tenant_id, generation),
    CHECK (generation > 0)
);

CREATE TABLE merit.subject_keys (
    tenant_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    key_id uuid NOT NULL,
    algorithm text NOT NULL,
    -- Null once destroyed: the subject's fields are then erased wherever they lie.
    wrapped bytea,
    wrapped_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (tenant_id, subject_id),
    UNIQUE (tenant_id, key_id),
    FOREIGN KEY (tenant_id, wrapped_by) REFERENCES merit.tenant_keys (tenant_id, key_id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE TABLE merit.signing_keys (
    tenant_id uuid NOT NULL,
    key_id uuid NOT NULL,
    generation integer NOT NULL,
    -- Name of the key and origin of the log.
    name text NOT NULL,
    public bytea NOT NULL,
    wrapped bytea NOT NULL,
    wrapped_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key_id),
    UNIQUE (tenant_id, generation),
    CHECK (generation > 0)
);

-- The row that a sealer locks while it extends a tenant's tree.
CREATE TABLE merit.tree_heads (
    tenant_id uuid NOT NULL,
    tree_size bigint NOT NULL,
    PRIMARY KEY (tenant_id),
    CHECK (tree_size >= 0)
);

-- Up to 256 hashes of 32 bytes; tile (0, i) holds the leaf hashes from position 256 i + 1 on, tile
-- (n + 1, i) the roots of the tiles (n, 256 i) and following.
CREATE TABLE merit.tree_tiles (
    tenant_id uuid NOT NULL,
    level integer NOT NULL,
    tile bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (tenant_id, level, tile),
    CHECK (level >= 0 AND tile >= 0),
    CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0)
);
-- Hashes do not compress; trying would only cost.
ALTER TABLE merit.tree_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE merit.checkpoints (
    tenant_id uuid NOT NULL,
    tree_size bigint NOT NULL,
    root bytea NOT NULL,
    -- The signed note, whole.
    note text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, tree_size),
    CHECK (tree_size > 0 AND length(root) = 32)
);

SELECT merit.protect('merit.tenant_keys');
SELECT merit.protect('merit.subject_keys');
SELECT merit.protect('merit.signing_keys');
SELECT merit.protect('merit.tree_heads');
SELECT merit.protect('merit.tree_tiles');
SELECT merit.protect('merit.checkpoints');

-- Rotation and shredding bring the right to update keys with them; until then nobody has it.
GRANT SELECT, INSERT ON merit.tenant_keys, merit.subject_keys, merit.signing_keys TO merit_app;
GRANT SELECT, INSERT, UPDATE ON merit.tree_heads, merit.tree_tiles TO merit_app;
-- What was signed stays signed.
GRANT SELECT, INSERT ON merit.checkpoints TO merit_app;
GRANT SELECT ON merit.tree_heads, merit.tree_tiles, merit.checkpoints TO merit_auditor;
