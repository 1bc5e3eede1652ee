CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE objects (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    name_key BLOB,
    epoch BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    mac BLOB NOT NULL
);

CREATE UNIQUE INDEX objects_by_name ON objects (name_key);

CREATE TABLE epochs (
    epoch BIGINT NOT NULL PRIMARY KEY,
    root BLOB NOT NULL,
    mac BLOB NOT NULL
);
