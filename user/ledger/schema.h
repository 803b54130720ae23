/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The index: what the entries of the log say, as tables. It can be made anew from the log at any
 * time, all but "state". Rows name GPUs, tags and engines by the ids of their load, as they were
 * recorded; the name tables say what these were. Instants wall_*, since, wall: CLOCK_REALTIME;
 * start, end: monotonic. Where an entry's rows are not shown, its totals stand in: job 0, and a tag
 * of EM_TAG_TOTAL on.
 *
 * meta: size, root and generation of the log that it was made from; counter: the file's change
 * counter (bytes 24-27 of its header, SQLite file format 1.3.7) after the writer's last commit.
 * Whoever else writes to the file moves the counter on.
 */
#ifndef EM_SCHEMA_H
#define EM_SCHEMA_H

#define EM_SCHEMA_APPLICATION 0x6561726d /* "earm", in the file's header */

#define EM_TAG_TOTAL 0x80000000u /* | purpose << 8 | tagged by */

#define EM_SCHEMA                                                                                    \
	"CREATE TABLE load(id INTEGER PRIMARY KEY, load_id BLOB NOT NULL UNIQUE, boot_id BLOB NOT "  \
	"NULL);"                                                                                     \
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"                              \
	"CREATE TABLE interval(id INTEGER PRIMARY KEY, load_id INTEGER NOT NULL REFERENCES load, "   \
	"first INTEGER NOT NULL, number INTEGER NOT NULL," /* the last of those folded */            \
	" recorder INTEGER NOT NULL, flags INTEGER NOT NULL,"                                        \
	" start INTEGER NOT NULL, end INTEGER NOT NULL, wall_start INTEGER NOT NULL,"                \
	" wall_end INTEGER NOT NULL,"                                                                \
	" broken INTEGER NOT NULL," /* a sum or a digest did not come out */                         \
	" hiding INTEGER NOT NULL," /* work may have been lost in it: see append.c */                \
	" gap INTEGER NOT NULL,"    /* before it: wall time that no interval covers */               \
	" entry INTEGER NOT NULL, UNIQUE(load_id, number));"                                         \
	"CREATE TABLE header(load INTEGER NOT NULL, number INTEGER NOT NULL, header BLOB NOT NULL,"  \
	" hash BLOB NOT NULL, PRIMARY KEY(load, number)) WITHOUT ROWID;"                             \
	"CREATE INDEX interval_wall ON interval(wall_start);"                                        \
	"CREATE INDEX interval_gap ON interval(wall_start) WHERE gap > 0;"                           \
	"CREATE TABLE usage(interval INTEGER NOT NULL, row INTEGER NOT NULL, gpu INTEGER NOT NULL,"  \
	" job INTEGER NOT NULL, tag INTEGER NOT NULL, gpu_time INTEGER NOT NULL,"                    \
	" held INTEGER NOT NULL, busy INTEGER NOT NULL, busy_start INTEGER NOT NULL,"                \
	" PRIMARY KEY(interval, row)) WITHOUT ROWID;"                                                \
	"CREATE TABLE gpu_usage(interval INTEGER NOT NULL, row INTEGER NOT NULL,"                    \
	" gpu INTEGER NOT NULL, blind INTEGER NOT NULL, wall INTEGER NOT NULL,"                      \
	" idle INTEGER NOT NULL, unobserved INTEGER NOT NULL, unattributed INTEGER NOT NULL,"        \
	" unattributed_start INTEGER NOT NULL, charged INTEGER NOT NULL,"                            \
	" PRIMARY KEY(interval, row)) WITHOUT ROWID;"                                                \
	"CREATE TABLE engine_usage(interval INTEGER NOT NULL, row INTEGER NOT NULL,"                 \
	" gpu INTEGER NOT NULL, engine INTEGER NOT NULL, busy INTEGER NOT NULL,"                     \
	" busy_start INTEGER NOT NULL, busy_total INTEGER NOT NULL, first INTEGER NOT NULL,"         \
	" done INTEGER NOT NULL, blind_busy INTEGER NOT NULL, PRIMARY KEY(interval, row)) "          \
	"WITHOUT ROWID;"                                                                             \
	"CREATE TABLE lost(interval INTEGER NOT NULL, counter INTEGER NOT NULL,"                     \
	" events INTEGER NOT NULL, PRIMARY KEY(interval, counter)) WITHOUT ROWID;"                   \
	"CREATE TABLE event(interval INTEGER NOT NULL, row INTEGER NOT NULL,"                        \
	" type INTEGER NOT NULL, job INTEGER NOT NULL, wall INTEGER NOT NULL, raw BLOB NOT NULL,"    \
	" PRIMARY KEY(interval, row)) WITHOUT ROWID;"                                                \
	"CREATE INDEX event_wall ON event(wall);"                                                    \
	"CREATE TABLE gpu(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, model TEXT, uuid TEXT," \
	" weight INTEGER NOT NULL);"                                                                 \
	"CREATE TABLE gpu_name(load INTEGER NOT NULL, id INTEGER NOT NULL,"                          \
	" gpu INTEGER NOT NULL REFERENCES gpu, PRIMARY KEY(load, id)) WITHOUT ROWID;"                \
	"CREATE TABLE presence(gpu INTEGER NOT NULL REFERENCES gpu, since INTEGER NOT NULL,"         \
	" retired INTEGER NOT NULL, PRIMARY KEY(gpu, since)) WITHOUT ROWID;"                         \
	"CREATE TABLE tag(load INTEGER NOT NULL, id INTEGER NOT NULL, job INTEGER NOT NULL,"         \
	" purpose INTEGER NOT NULL, tagged_by INTEGER NOT NULL, project TEXT, ref TEXT,"             \
	" wall INTEGER NOT NULL, PRIMARY KEY(load, id)) WITHOUT ROWID;"                              \
	"CREATE TABLE job(boot_id BLOB NOT NULL, id INTEGER NOT NULL, path TEXT, uid INTEGER,"       \
	" PRIMARY KEY(boot_id, id)) WITHOUT ROWID;"                                                  \
	"CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;"  \
	"CREATE TABLE note(id INTEGER PRIMARY KEY, wall INTEGER NOT NULL, kind TEXT NOT NULL,"       \
	" json TEXT NOT NULL, entry INTEGER NOT NULL);"                                              \
	"CREATE INDEX note_wall ON note(wall);"

#endif
