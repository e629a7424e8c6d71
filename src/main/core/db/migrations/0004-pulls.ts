/** Pull requests, their checks and conversations, and what a landing through a forge must remember. */
export const pulls = `
CREATE TABLE pulls (
  id TEXT PRIMARY KEY, repoId TEXT NOT NULL REFERENCES repositories(id), taskId TEXT NOT NULL REFERENCES tasks(id),
  attemptId TEXT NOT NULL REFERENCES attempts(id), forge TEXT NOT NULL, number INTEGER NOT NULL, url TEXT,
  title TEXT NOT NULL, state TEXT NOT NULL, draft INTEGER NOT NULL, author TEXT NOT NULL, headBranch TEXT NOT NULL,
  headSha TEXT NOT NULL, baseBranch TEXT NOT NULL, labels TEXT NOT NULL, mergeability TEXT NOT NULL, behind INTEGER,
  ahead INTEGER, decision TEXT NOT NULL, reviews TEXT NOT NULL, checks TEXT NOT NULL, unresolved INTEGER,
  queuePosition INTEGER, mergedSha TEXT, observedAt INTEGER, staleSince INTEGER, problem TEXT, rev INTEGER NOT NULL,
  createdAt INTEGER NOT NULL,
  UNIQUE (repoId, forge, number)
) STRICT;
CREATE INDEX pulls_by_rev ON pulls(rev);
CREATE INDEX pulls_by_state ON pulls(state, repoId);
CREATE INDEX pulls_by_attempt ON pulls(attemptId);

CREATE TABLE pullChecks (
  id TEXT PRIMARY KEY, pullId TEXT NOT NULL REFERENCES pulls(id), headSha TEXT NOT NULL, externalId TEXT NOT NULL,
  name TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, conclusion TEXT, required INTEGER NOT NULL, url TEXT,
  excerpt TEXT, startedAt INTEGER, completedAt INTEGER, sentAt INTEGER, retried INTEGER NOT NULL, rev INTEGER NOT NULL,
  UNIQUE (pullId, headSha, kind, name)
) STRICT;
CREATE INDEX pullChecks_by_rev ON pullChecks(rev);

CREATE TABLE reviewThreads (
  id TEXT PRIMARY KEY, pullId TEXT NOT NULL REFERENCES pulls(id), name TEXT NOT NULL, externalId TEXT NOT NULL,
  kind TEXT NOT NULL, path TEXT, line INTEGER, headSha TEXT, resolved INTEGER, comments TEXT NOT NULL, findingId TEXT,
  sentThrough TEXT, answer TEXT, rev INTEGER NOT NULL, updatedAt INTEGER NOT NULL,
  UNIQUE (pullId, externalId), UNIQUE (pullId, name)
) STRICT;
CREATE INDEX reviewThreads_by_rev ON reviewThreads(rev);

ALTER TABLE landRuns ADD COLUMN verdict TEXT;
ALTER TABLE landRuns ADD COLUMN reviewedSha TEXT;
ALTER TABLE landRuns ADD COLUMN headSha TEXT;
ALTER TABLE landRuns ADD COLUMN pushedSha TEXT;
ALTER TABLE landRuns ADD COLUMN pullId TEXT;
ALTER TABLE landRuns ADD COLUMN waitUntil INTEGER;
ALTER TABLE landRuns ADD COLUMN fixMessage TEXT;
CREATE INDEX landRuns_by_status ON landRuns(status);
`
