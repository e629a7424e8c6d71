/** Times are integer ms, booleans 0 or 1, columns named *_json or holding objects are JSON text (see table.ts). */
export const init = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE repositories (
  id TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, name TEXT NOT NULL, baseBranch TEXT NOT NULL, remoteUrl TEXT,
  forge TEXT NOT NULL, trustedHash TEXT, problem TEXT, rev INTEGER NOT NULL, createdAt INTEGER NOT NULL
) STRICT;

CREATE TABLE tasks (
  id TEXT PRIMARY KEY, repoId TEXT NOT NULL REFERENCES repositories(id), title TEXT NOT NULL, brief TEXT NOT NULL,
  status TEXT NOT NULL, reason TEXT, round INTEGER NOT NULL, baseBranch TEXT NOT NULL, baseSha TEXT,
  winnerAttemptId TEXT, landedSha TEXT, rev INTEGER NOT NULL, createdAt INTEGER NOT NULL, statusAt INTEGER NOT NULL,
  closedAt INTEGER,
  CHECK ((status IN ('landed', 'abandoned')) = (closedAt IS NOT NULL))
) STRICT;
CREATE INDEX tasks_by_rev ON tasks(rev);
CREATE INDEX tasks_by_closed ON tasks(closedAt);

CREATE TABLE rounds (
  id TEXT PRIMARY KEY, taskId TEXT NOT NULL REFERENCES tasks(id), n INTEGER NOT NULL, baseSha TEXT NOT NULL,
  slots TEXT NOT NULL, prompt TEXT NOT NULL, rev INTEGER NOT NULL, firedAt INTEGER NOT NULL,
  UNIQUE (taskId, n)
) STRICT;
CREATE INDEX rounds_by_rev ON rounds(rev);

CREATE TABLE attempts (
  id TEXT PRIMARY KEY, taskId TEXT NOT NULL REFERENCES tasks(id), repoId TEXT NOT NULL REFERENCES repositories(id),
  roundId TEXT NOT NULL REFERENCES rounds(id), round INTEGER NOT NULL, n INTEGER NOT NULL, agent TEXT NOT NULL,
  slot TEXT NOT NULL, status TEXT NOT NULL, statusAt INTEGER NOT NULL, statusSource TEXT NOT NULL, reason TEXT, step TEXT,
  endReason TEXT, attention TEXT, worktree TEXT NOT NULL, branch TEXT NOT NULL, baseSha TEXT NOT NULL, headSha TEXT,
  diffstat TEXT, terminalId TEXT, sessionRef TEXT, usage TEXT, verdict TEXT, trashRef TEXT, ignoredFiles INTEGER,
  rev INTEGER NOT NULL, createdAt INTEGER NOT NULL, startedAt INTEGER, readyAt INTEGER, endedAt INTEGER,
  UNIQUE (taskId, round, n), UNIQUE (branch)
) STRICT;
CREATE INDEX attempts_by_rev ON attempts(rev);
CREATE INDEX attempts_by_task ON attempts(taskId);
CREATE INDEX attempts_by_status ON attempts(status);
-- One attempt that is not over per worktree.
CREATE UNIQUE INDEX attempts_live_worktree ON attempts(worktree) WHERE status NOT IN ('landed', 'trashed');
-- One winner per task.
CREATE UNIQUE INDEX attempts_winner ON attempts(taskId) WHERE status IN ('mergeable', 'landing', 'landed');

CREATE TABLE checks (
  id TEXT PRIMARY KEY, attemptId TEXT NOT NULL REFERENCES attempts(id), name TEXT NOT NULL, command TEXT NOT NULL,
  required INTEGER NOT NULL, status TEXT NOT NULL, exitCode INTEGER, headSha TEXT NOT NULL, durationMs REAL,
  summary TEXT NOT NULL, rev INTEGER NOT NULL, startedAt INTEGER
) STRICT;
CREATE INDEX checks_by_rev ON checks(rev);
CREATE INDEX checks_by_attempt ON checks(attemptId);

CREATE TABLE findings (
  id TEXT PRIMARY KEY, attemptId TEXT NOT NULL REFERENCES attempts(id), headSha TEXT NOT NULL, reviewer TEXT NOT NULL,
  priority TEXT NOT NULL, confidence REAL NOT NULL, file TEXT, line INTEGER, title TEXT NOT NULL, body TEXT NOT NULL,
  status TEXT NOT NULL, answer TEXT, rev INTEGER NOT NULL, createdAt INTEGER NOT NULL
) STRICT;
CREATE INDEX findings_by_rev ON findings(rev);
CREATE INDEX findings_by_attempt ON findings(attemptId);

CREATE TABLE lessons (
  id TEXT PRIMARY KEY, taskId TEXT NOT NULL REFERENCES tasks(id), round INTEGER NOT NULL, wentWrong TEXT NOT NULL,
  doDifferently TEXT NOT NULL, doNotRepeat TEXT NOT NULL, openQuestion TEXT, answer TEXT, source TEXT NOT NULL,
  rev INTEGER NOT NULL, createdAt INTEGER NOT NULL,
  UNIQUE (taskId, round)
) STRICT;
CREATE INDEX lessons_by_rev ON lessons(rev);

CREATE TABLE terminals (
  id TEXT PRIMARY KEY, attemptId TEXT REFERENCES attempts(id), epoch INTEGER NOT NULL, state TEXT NOT NULL, pid INTEGER,
  pidStartedAt TEXT, exitCode INTEGER, killRequestedAt INTEGER, logPath TEXT NOT NULL, rev INTEGER NOT NULL,
  createdAt INTEGER NOT NULL
) STRICT;
CREATE INDEX terminals_by_rev ON terminals(rev);
CREATE INDEX terminals_by_state ON terminals(state);

CREATE TABLE landRuns (
  id TEXT PRIMARY KEY, repoId TEXT NOT NULL REFERENCES repositories(id), taskId TEXT NOT NULL REFERENCES tasks(id),
  attemptId TEXT NOT NULL REFERENCES attempts(id), baseBranch TEXT NOT NULL, phase TEXT NOT NULL, status TEXT NOT NULL,
  reason TEXT, method TEXT NOT NULL, allowFixes INTEGER NOT NULL, rank REAL NOT NULL, fixes INTEGER NOT NULL,
  expectedBaseSha TEXT, landedSha TEXT, rev INTEGER NOT NULL, startedAt INTEGER NOT NULL, endedAt INTEGER
) STRICT;
CREATE INDEX landRuns_by_rev ON landRuns(rev);
-- One land run per task at a time.
CREATE UNIQUE INDEX landRuns_live ON landRuns(taskId) WHERE endedAt IS NULL;

-- Append-only. commitRev ties a fact to the commit whose rows it belongs to.
CREATE TABLE facts (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, repoId TEXT,
  taskId TEXT, attemptId TEXT, body TEXT NOT NULL, dedupeKey TEXT UNIQUE, commitRev INTEGER NOT NULL
) STRICT;
CREATE INDEX facts_by_task ON facts(taskId, seq);
CREATE INDEX facts_by_attempt ON facts(attemptId, seq);
CREATE INDEX facts_by_commit ON facts(commitRev);
CREATE TRIGGER facts_never_change BEFORE UPDATE ON facts BEGIN SELECT RAISE(ABORT, 'facts are append-only'); END;
CREATE TRIGGER facts_never_vanish BEFORE DELETE ON facts BEGIN SELECT RAISE(ABORT, 'facts are append-only'); END;

-- What left a table, so that a client that was away hears of it.
CREATE TABLE removals (tableName TEXT NOT NULL, id TEXT NOT NULL, rev INTEGER NOT NULL, PRIMARY KEY (tableName, id)) STRICT;

CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`
