/** Evidence and reviews per head, the state of workflow files, who answered a finding, and how far a lesson is. */
export const review = `
CREATE TABLE evidence (
  id TEXT PRIMARY KEY, attemptId TEXT NOT NULL REFERENCES attempts(id), headSha TEXT NOT NULL, baseSha TEXT NOT NULL,
  kinds TEXT NOT NULL, files TEXT NOT NULL, tests TEXT NOT NULL, dependencies TEXT NOT NULL, locks TEXT NOT NULL,
  unusual TEXT NOT NULL, secrets TEXT NOT NULL, claim TEXT, screenshots TEXT NOT NULL, committedBy TEXT NOT NULL,
  gaps TEXT NOT NULL, rev INTEGER NOT NULL, createdAt INTEGER NOT NULL,
  UNIQUE (attemptId, headSha)
) STRICT;
CREATE INDEX evidence_by_rev ON evidence(rev);

CREATE TABLE reviews (
  id TEXT PRIMARY KEY, attemptId TEXT NOT NULL REFERENCES attempts(id), headSha TEXT NOT NULL, reviewer TEXT NOT NULL,
  agent TEXT, focus TEXT NOT NULL, exchange INTEGER NOT NULL, status TEXT NOT NULL, problem TEXT, summary TEXT NOT NULL,
  tries INTEGER NOT NULL, findings INTEGER NOT NULL, usage TEXT, durationMs REAL, rev INTEGER NOT NULL,
  createdAt INTEGER NOT NULL
) STRICT;
CREATE INDEX reviews_by_rev ON reviews(rev);
CREATE INDEX reviews_by_attempt ON reviews(attemptId);

-- id is the repository's: one workflow file each.
CREATE TABLE workflows (
  id TEXT PRIMARY KEY, file TEXT NOT NULL, path TEXT, state TEXT NOT NULL, problems TEXT NOT NULL,
  usingLastGood INTEGER NOT NULL, hash TEXT, rev INTEGER NOT NULL, at INTEGER NOT NULL
) STRICT;

ALTER TABLE findings ADD COLUMN answeredBy TEXT;
ALTER TABLE lessons ADD COLUMN state TEXT NOT NULL DEFAULT 'done';
ALTER TABLE lessons ADD COLUMN facts TEXT NOT NULL DEFAULT '';
CREATE INDEX facts_by_kind ON facts(kind, seq);
`
