// SPDX-License-Identifier: GPL-2.0
/*
 * What stands when the module is let go, by way of the ledger, into another load of it: on
 * directories that stand for cgroups, and a recorder that remembers what it was told.
 */
#include "ledger_make.h"

#include "../../user/daemon/handover.c"
#include "../../user/daemon/jobpath.c"
#include "../../user/daemon/log.c"

/* --- a recorder --------------------------------------------------------------------------- */

#define JOBS 200
#define TAKES 30 /* tags in an interval */

/* struct fake - @given: what it was told; @in: of them, since the last seal */
static struct fake {
	struct em_source source;
	struct earmark_status status;
	struct earmark_job_info jobs[JOBS];
	unsigned int n_jobs, n_given, in, takes, seals;
	struct earmark_event given[JOBS];
	int refuse; /* any tag, with that */
} fake;

static int fake_status(struct em_source *s, struct earmark_status *status)
{
	(void)s;
	*status = fake.status;
	return 0;
}

static int fake_jobs(struct em_source *s, int (*each)(const struct earmark_job_info *, void *),
		     void *arg)
{
	int r = 0;

	(void)s;
	for (unsigned int i = 0; !r && i < fake.n_jobs; i++)
		r = each(&fake.jobs[i], arg);
	return r;
}

static int fake_tag(struct em_source *s, int fd, const struct earmark_event *tag, __u32 *id)
{
	struct stat st;

	(void)s;
	if (fake.refuse)
		return fake.refuse;
	if (fake.in == fake.takes)
		return -EAGAIN;
	assert_int_equal(fstat(fd, &st), 0);
	fake.given[fake.n_given] = *tag;
	fake.given[fake.n_given].job = st.st_ino;
	fake.in++;
	*id = ++fake.n_given;
	return 0;
}

static int fake_seal(struct em_source *s, __u64 *number)
{
	(void)s;
	fake.in = 0;
	*number = ++fake.seals;
	return 0;
}

static const struct em_source_ops ops = {
	.recorder = EARMARK_RECORDER_KERNEL,
	.status = fake_status,
	.jobs = fake_jobs,
	.tag = fake_tag,
	.seal = fake_seal,
};

static void load_is(__u8 boot, __u8 load)
{
	memset(fake.status.boot_id, boot, sizeof(fake.status.boot_id));
	memset(fake.status.load_id, load, sizeof(fake.status.load_id));
	fake.n_jobs = fake.n_given = fake.in = fake.seals = 0;
	fake.takes = TAKES;
	fake.refuse = 0;
}

/* --- a hierarchy -------------------------------------------------------------------------- */

static char root[64];

static int setup_all(void **state)
{
	fake = (struct fake){ .source.ops = &ops };
	strcpy(root, access("/dev/shm", W_OK) ? "/tmp/earmark-cgroups.XXXXXX"
					      : "/dev/shm/earmark-cgroups.XXXXXX");
	return setup(state) || !mkdtemp(root) ? -1 : 0;
}

static int teardown_all(void **state)
{
	return teardown(state) || nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct earmark_job_info *job(const char *path)
{
	struct earmark_job_info *j = &fake.jobs[fake.n_jobs++];
	char full[256];
	struct stat st;

	snprintf(full, sizeof(full), "%s%s", root, path);
	mkdir(full, 0755);
	assert_int_equal(stat(full, &st), 0);
	*j = (struct earmark_job_info){ .job = st.st_ino };
	snprintf(j->path, sizeof(j->path), "%s", path);
	return j;
}

static void own(struct earmark_job_info *j, __u32 tag, unsigned int purpose, unsigned int by)
{
	j->own_tag = j->tag = tag;
	j->own_purpose = j->purpose = (__u8)purpose;
	j->own_tagged_by = j->tagged_by = (__u8)by;
	snprintf(j->project, sizeof(j->project), "of the list");
}

static void remove_job(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(rmdir(full), 0);
}

/* An interval of just now, with the tag events that the ledger has of these jobs. */
static void tell(struct em_ledger *l, const struct earmark_job_info *j, const char *project,
		 __u32 uid)
{
	static __u8 load;
	struct chain c = { .load = ++load, .at = em_time_now() / S - T0 / S - 10 };
	struct made m;
	struct earmark_event *e;

	begin(&m);
	gpu_event(&m, 1, "platform/a");
	tag_event(&m, j->job, j->own_tag, j->own_purpose, project);
	e = &m.events[m.i.header.nr_events - 1];
	e->uid = uid;
	e->gid = uid + 1;
	e->pid = 4711;
	e->tagged_by = j->own_tagged_by;
	snprintf(e->ref, sizeof(e->ref), "cluster/7");
	snprintf(e->comm, sizeof(e->comm), "sbatch");
	gpu_row(&m, 1, S, S, 0, 0);
	next(&c, &m, 1);
	append(l, &m);
}

/* --- from one load to the next ------------------------------------------------------------ */

static json_int_t last_of(const struct em_handover *h, const char *key)
{
	return em_json_integer(h->last, key);
}

/* Another daemon reads it from the ledger. Return: how many jobs wait. */
static size_t read_anew(struct em_handover *h, struct em_ledger *l)
{
	em_handover_clear(h);
	assert_int_equal(em_handover_read(h, l), 0);
	return json_array_size(h->jobs);
}

static void tags_come_through_with_who_set_them(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct em_handover h = { 0 };
	const struct earmark_event *e;
	__u64 id;

	(void)state;
	load_is(1, 1);
	own(job("/a"), 3, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SCHEDULER);
	id = fake.jobs[0].job;
	tell(l, &fake.jobs[0], "probes \"quoted\"", 1000);
	job("/b")->gpus_held = 2;
	job("/idle"); /* neither tagged nor holding: nothing stands */
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	assert_true(em_handover_waits(&h, fake.status.load_id, em_time_monotonic()));
	assert_int_equal(read_anew(&h, l), 2);
	assert_false(em_handover_waits(&h, fake.status.load_id, em_time_monotonic()));

	load_is(1, 2);
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(fake.n_given, 1);
	e = &fake.given[0];
	assert_int_equal(e->job, id);
	assert_int_equal(e->purpose, EARMARK_PURPOSE_ALIGNMENT);
	assert_int_equal(e->tagged_by, EARMARK_TAGGED_BY_SCHEDULER);
	assert_string_equal(e->project, "probes \"quoted\"");
	assert_string_equal(e->ref, "cluster/7");
	assert_string_equal(e->comm, "sbatch");
	assert_int_equal(e->uid, 1000);
	assert_int_equal(e->gid, 1001);
	assert_int_equal(e->pid, 4711);
	assert_int_equal(last_of(&h, "tags"), 1);
	assert_int_equal(last_of(&h, "open"), 1);
	assert_int_equal(last_of(&h, "refused"), 0);
	assert_int_equal(read_anew(&h, l), 0); /* once */
	em_handover_clear(&h);
	em_ledger_close(l);
}

static void the_same_load_has_kept_them(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct em_handover h = { 0 };

	(void)state;
	load_is(1, 1);
	own(job("/a"), 3, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_SELF);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(fake.n_given, 0);
	assert_string_equal(em_json_string(h.last, "state"), "kept");
	assert_null(h.jobs);
	assert_int_equal(read_anew(&h, l), 0);
	em_handover_clear(&h);
	em_ledger_close(l);
}

static void another_boot_gets_nothing(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct em_handover h = { 0 };

	(void)state;
	load_is(1, 1);
	own(job("/a"), 3, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_SELF);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	load_is(2, 2);
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(fake.n_given, 0);
	assert_null(h.last);
	em_handover_clear(&h);
	em_ledger_close(l);
}

static void the_later_word_stands_and_the_gone_are_counted(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct em_handover h = { 0 };

	(void)state;
	load_is(1, 1);
	own(job("/a"), 3, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_OPERATOR);
	own(job("/gone"), 4, EARMARK_PURPOSE_MIXED, EARMARK_TAGGED_BY_SELF);
	own(job("/c"), 5, EARMARK_PURPOSE_SERVING, EARMARK_TAGGED_BY_RULE);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	remove_job("/gone");
	load_is(1, 2);
	own(job("/a"), 1, EARMARK_PURPOSE_SERVING, EARMARK_TAGGED_BY_SELF);
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(last_of(&h, "tags"), 1);
	assert_int_equal(last_of(&h, "newer"), 1);
	assert_int_equal(last_of(&h, "gone"), 1);
	assert_int_equal(fake.n_given, 1);
	/* the ledger knows nobody who set it: then it is earmarkd's, with the authority that it had
	 */
	assert_string_equal(fake.given[0].comm, "earmarkd");
	assert_string_equal(fake.given[0].project, "of the list");
	assert_int_equal(fake.given[0].tagged_by, EARMARK_TAGGED_BY_RULE);
	em_handover_clear(&h);
	em_ledger_close(l);
}

static void many(unsigned int n)
{
	char path[32];

	for (unsigned int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/job-%03u", i);
		own(job(path), i + 1, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF);
	}
}

static void many_are_several_notes_and_several_intervals(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct em_handover h = { 0 };

	(void)state;
	load_is(1, 1);
	many(150);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0); /* the last one counts */
	assert_int_equal(read_anew(&h, l), 150);
	load_is(1, 2);
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(fake.n_given, 150);
	assert_int_equal(fake.seals, 150 / TAKES - 1);
	assert_int_equal(last_of(&h, "tags"), 150);
	em_handover_clear(&h);
	em_ledger_close(l);
}

static void what_is_refused_is_said_and_ends(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct em_handover h = { 0 };

	(void)state;
	load_is(1, 1);
	many(3);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	load_is(1, 2);
	fake.refuse = -EPERM;
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(last_of(&h, "refused"), 3);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);

	load_is(1, 3);
	many(3);
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	load_is(1, 4);
	fake.refuse = -ENOSPC; /* for ever: not for the next interval either */
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(last_of(&h, "refused"), 3);
	em_handover_clear(&h);
	em_ledger_close(l);
}

static void the_longest_names_fit(void **state)
{
	struct em_ledger *l = open_ledger(EM_LEDGER_WRITE);
	struct em_handover h = { 0 };

	(void)state;
	load_is(1, 1);
	many(150);
	for (unsigned int i = 0; i < fake.n_jobs; i++) {
		struct earmark_job_info *j = &fake.jobs[i];

		/* what JSON makes longest of a label, and of a path that is no UTF-8 */
		memset(j->project, '"', sizeof(j->project) - 1);
		memset(j->ref, '\\', sizeof(j->ref) - 1);
		memset(j->path, '\xff', sizeof(j->path) - 1);
	}
	assert_int_equal(em_handover_write(&h, l, &fake.source), 0);
	assert_int_equal(read_anew(&h, l), 150);
	load_is(1, 2);
	assert_int_equal(em_handover_give(&h, l, &fake.source, &fake.status, root), 0);
	assert_int_equal(last_of(&h, "tags"), 150); /* found by their number alone */
	em_handover_clear(&h);
	em_ledger_close(l);
}

#define ON(f) cmocka_unit_test_setup_teardown(f, setup_all, teardown_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON(tags_come_through_with_who_set_them),
		ON(the_same_load_has_kept_them),
		ON(another_boot_gets_nothing),
		ON(the_later_word_stands_and_the_gone_are_counted),
		ON(many_are_several_notes_and_several_intervals),
		ON(what_is_refused_is_said_and_ends),
		ON(the_longest_names_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
