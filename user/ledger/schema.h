/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The index: what the entries of the log say, as tables. It can be made anew from the log at any
 * time, all but "state". Rows name GPUs, tags and engines by the ids of their load, as they were
 * recorded; the name tables say what these were. Instants wall_*, since, wall: CLOCK_REALTIME;
 * start, end: monotonic. Where an entry's rows are not shown, its totals stand in: job 0, and a tag
 * of EM_TAG_TOTAL on.
 *
 * Roll-ups: sums over the intervals that lie whole inside an hour, or inside a day, of wall time
 *(both edges count as inside, as for a window). An interval is in the roll-up of its hour, if it
 *does not reach over the hour's edge, and in that of its day likewise: "whole" says in how many. So
 *the intervals inside a window are exactly those of its whole days' roll-ups, those of the roll-ups
 *of the hours before and after these, and, as rows, those of the same time that are not in the
 *roll-ups used: found by "whole". Intervals that cross midnight are always taken as rows. A roll-up
 *knows the last interval in it; a reader whose horizon is before that takes rows instead. Roll-ups
 *keep the load's own ids of GPUs and tags, as rows do, so that what is learned of these later holds
 *for them too.
 *
 * spoken: which GPUs an interval has rows of, as a set, so that the time in which a GPU was not
 *spoken of can be summed whatever GPU the load's ids turn out to be.
 *
 * meta: size, root and generation of the log that it was made from; counter: the file's change
 * counter (bytes 24-27 of its header, SQLite file format 1.3.7) after the writer's last commit.
 * Whoever else writes to the file moves the counter on.
 */
#ifndef EM_SCHEMA_H
#define EM_SCHEMA_H

#define EM_SCHEMA_APPLICATION 0x6561726d /* "earm", in the file's header */

#define EM_ROLL_HOUR 3600000000000
#define EM_ROLL_DAY 86400000000000

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
	" entry INTEGER NOT NULL,"                                                                   \
	" whole INTEGER NOT NULL," /* 2: in its hour and its day; 1: in its day; 0: in neither */    \
	" hour INTEGER NOT NULL, day INTEGER NOT NULL," /* of roll, 0 = none */                      \
	" spoken INTEGER, UNIQUE(load_id, number));"                                                 \
	"CREATE TABLE header(load INTEGER NOT NULL, number INTEGER NOT NULL, header BLOB NOT NULL,"  \
	" hash BLOB NOT NULL, PRIMARY KEY(load, number)) WITHOUT ROWID;"                             \
	"CREATE INDEX interval_wall ON interval(whole, wall_start);"                                 \
	"CREATE INDEX interval_gap ON interval(wall_start) WHERE gap > 0;"                           \
	"CREATE TABLE usage(interval INTEGER NOT NULL, row INTEGER NOT NULL, gpu INTEGER NOT NULL,"  \
	" job INTEGER NOT NULL, tag INTEGER NOT NULL, gpu_time INTEGER NOT NULL,"                    \
	" held INTEGER NOT NULL, busy INTEGER NOT NULL, busy_start INTEGER NOT NULL,"                \
	" class INTEGER NOT NULL, busy_error INTEGER NOT NULL, allocated INTEGER NOT NULL,"          \
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
	"CREATE TABLE roll(id INTEGER PRIMARY KEY, width INTEGER NOT NULL, start INTEGER NOT NULL,"  \
	" load INTEGER NOT NULL, last INTEGER NOT NULL DEFAULT 0," /* of its intervals' ids */       \
	" first_start INTEGER, last_end INTEGER," /* wall time, of its intervals */                  \
	" intervals INTEGER NOT NULL DEFAULT 0, stretched INTEGER NOT NULL DEFAULT 0,"               \
	" sampled INTEGER NOT NULL DEFAULT 0,"                                                       \
	" broken INTEGER NOT NULL DEFAULT 0, recorders INTEGER NOT NULL DEFAULT 0,"                  \
	" UNIQUE(width, start, load));"                                                              \
	"CREATE TABLE roll_lost(roll INTEGER NOT NULL, counter INTEGER NOT NULL,"                    \
	" events INTEGER NOT NULL, PRIMARY KEY(roll, counter)) WITHOUT ROWID;"                       \
	"CREATE TABLE roll_usage(roll INTEGER NOT NULL, gpu INTEGER NOT NULL, job INTEGER NOT NULL," \
	" tag INTEGER NOT NULL, gpu_time INTEGER NOT NULL, held INTEGER NOT NULL,"                   \
	" busy INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"                     \
	" class INTEGER NOT NULL, busy_error INTEGER NOT NULL, allocated INTEGER NOT NULL,"          \
	" PRIMARY KEY(roll, gpu, job, tag)) WITHOUT ROWID;"                                          \
	"CREATE TABLE roll_gpu(roll INTEGER NOT NULL, gpu INTEGER NOT NULL, blind INTEGER NOT NULL," \
	" wall INTEGER NOT NULL, idle INTEGER NOT NULL, unobserved INTEGER NOT NULL,"                \
	" unattributed INTEGER NOT NULL, charged INTEGER NOT NULL, PRIMARY KEY(roll, gpu)) "         \
	"WITHOUT ROWID;"                                                                             \
	"CREATE TABLE roll_engine(roll INTEGER NOT NULL, gpu INTEGER NOT NULL,"                      \
	" engine INTEGER NOT NULL, busy INTEGER NOT NULL, wall INTEGER NOT NULL,"                    \
	" blind_busy INTEGER NOT NULL, PRIMARY KEY(roll, gpu, engine)) WITHOUT ROWID;"               \
	"CREATE TABLE roll_spoken(roll INTEGER NOT NULL, spoken INTEGER NOT NULL,"                   \
	" length INTEGER NOT NULL, PRIMARY KEY(roll, spoken)) WITHOUT ROWID;"                        \
	"CREATE TABLE spoken(id INTEGER PRIMARY KEY, gpus TEXT NOT NULL UNIQUE);"                    \
	"CREATE TABLE spoken_gpu(spoken INTEGER NOT NULL, gpu INTEGER NOT NULL,"                     \
	" PRIMARY KEY(spoken, gpu)) WITHOUT ROWID;"                                                  \
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
	"CREATE INDEX note_wall ON note(wall);"                                                      \
	"CREATE INDEX note_kind ON note(kind);"

#endif
