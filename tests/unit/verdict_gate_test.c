// SPDX-License-Identifier: GPL-2.0
/* Gates, their signed approvals, and notes that people write. */
#include <errno.h>

#include "history.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "commit/approval.h"
#include "commit/judge.h"
#include "commit/note.h"

#define H (3600 * S)
#define DAY (24 * H)
#define START (1700006400LL * S) /* 2023-11-15T00:00Z */

/* --- keys and notes ------------------------------------------------------------------------- */

/* Ed25519 of RFC 8032, 7.1, tests 1 and 2; the second as openssl writes it. */
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PEM                                                                          \
	"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJsoqIjNAO7ahGPXzd3jL" \
	"xXhOAwf8iNlYVaZZ+ub\n-----END PRIVATE KEY-----\n"
#define K1 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static char key_files[2][64];

static int write_keys(void **state)
{
	const char *const texts[] = { SEED "\n", PEM };

	(void)state;
	for (int i = 0; i < 2; i++) {
		int fd;

		strcpy(key_files[i], "/tmp/earmark-key.XXXXXX");
		fd = mkstemp(key_files[i]);
		if (fd < 0 || write(fd, texts[i], strlen(texts[i])) != (ssize_t)strlen(texts[i]))
			return -1;
		close(fd);
	}
	return 0;
}

static int remove_keys(void **state)
{
	(void)state;
	return unlink(key_files[0]) | unlink(key_files[1]);
}

static json_t *statement(const char *project, const char *ref, json_int_t gpus, json_int_t hours)
{
	json_t *o = json_pack("{s:s,s:s?,s:s?,s:[],s:s,s:s,s:s}", "id", "run-1", "project", project,
			      "ref", ref, "signers", "at", "2023-11-15T00:00:00Z", "author", "me",
			      "reason", "because");

	assert_non_null(o);
	if (gpus)
		json_object_set_new(o, "gpus", json_integer(gpus));
	if (hours)
		json_object_set_new(o, "gpu_hours", json_integer(hours));
	return o;
}

static void sign(json_t *note, int key, bool external)
{
	char err[256] = "";

	if (em_approval_sign(note, key_files[key], key ? "bo" : "al", external, err, sizeof(err)))
		fail_msg("%s", err);
}

static void signatures(void **state)
{
	_cleanup_json_ json_t *note = statement("p", NULL, 8, 0);
	json_t *signer;
	char err[256] = "";

	(void)state;
	sign(note, 0, false);
	sign(note, 1, true);
	signer = json_array_get(json_object_get(note, "signers"), 0);
	assert_string_equal(json_string_value(json_object_get(signer, "key")), K1);
	assert_int_equal(em_approval_invalid(note), 0);
	/* who wrote it down and when is not signed; all else is */
	json_object_set_new(note, "author", json_string("someone"));
	assert_int_equal(em_approval_invalid(note), 0);
	json_object_set_new(note, "gpus", json_integer(9));
	assert_int_equal(em_approval_invalid(note), 2);
	json_object_set_new(note, "gpus", json_integer(8));
	json_object_set_new(signer, "external", json_true());
	assert_int_equal(em_approval_invalid(note), 1);
	json_object_set_new(signer, "external", json_false());
	json_object_set_new(signer, "name", json_string("eve"));
	assert_int_equal(em_approval_invalid(note), 1);
	assert_int_equal(em_approval_sign(note, "/nosuch", "x", false, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nosuch"));
	assert_int_equal(em_approval_sign(note, "/dev/null", "x", false, err, sizeof(err)),
			 -EINVAL);
	assert_non_null(strstr(err, "openssl genpkey"));
}

/* What is taken as a note, and the sentence where it is not. */
static void checks(void **state)
{
#define ALL "\"at\":\"2026-01-01T00:00:00Z\",\"author\":\"a\",\"reason\":\"r\""
	static const struct {
		const char *kind, *json, *says; /* says NULL: taken */
	} table[] = {
		{ "event", "{\"name\":\"n\"," ALL "}", NULL },
		{ "event", "{" ALL "}", "name" },
		{ "event", "{\"name\":\"n\",\"at\":\"2026-01-01\",\"author\":\"a\"}", "reason" },
		{ "event", "{\"name\":\"n\",\"at\":\"now\",\"author\":\"a\",\"reason\":\"r\"}",
		  "at" },
		{ "event", "{\"name\":\"n\",\"extra\":1," ALL "}", "has not" },
		{ "event", "{\"name\":\"a\\u001b\"," ALL "}", "printable" },
		{ "event", "[]", "note" },
		{ "alert", "{\"name\":\"n\"," ALL "}", "kind" },
		{ "commitments", "{\"text\":\"\"," ALL "}", "kind" },
		{ "order",
		  "{\"name\":\"n\",\"purpose\":\"alignment\",\"from\":{\"num\":1,\"den\":5},"
		  "\"to\":{\"num\":1,\"den\":4},\"arm\":\"add\",\"control\":false," ALL "}",
		  NULL },
		{ "order",
		  "{\"name\":\"n\",\"purpose\":\"alignment\",\"from\":{\"num\":6,\"den\":5},"
		  "\"to\":{\"num\":1,\"den\":4}," ALL "}",
		  "from" },
		{ "order",
		  "{\"name\":\"n\",\"purpose\":\"untagged\",\"from\":{\"num\":1,\"den\":5},"
		  "\"to\":{\"num\":1,\"den\":4}," ALL "}",
		  "purpose" },
		{ "request",
		  "{\"id\":\"1\",\"action\":\"open\",\"purpose\":\"alignment\",\"how\":null,"
		  "\"gpus\":8," ALL "}",
		  NULL },
		{ "request",
		  "{\"id\":\"1\",\"action\":\"close\",\"purpose\":\"alignment\"," ALL "}",
		  "action" },
		{ "request",
		  "{\"id\":\"1\",\"action\":\"open\",\"purpose\":\"alignment\",\"gpus\":0," ALL "}",
		  "gpus" },
		{ "approval", "{\"id\":\"1\",\"project\":\"p\",\"gpus\":8,\"signers\":[]," ALL "}",
		  "signers" },
		{ "approval",
		  "{\"id\":\"1\",\"project\":\"p\",\"gpus\":8,\"signers\":[{\"name\":\"a\","
		  "\"key\":\"" K1 "\",\"external\":false,\"signature\":\"00\"}]," ALL "}",
		  "signatures" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		_cleanup_json_ json_t *note = json_loads(table[i].json, 0, NULL);
		char err[512] = "";
		int ret = em_note_check(table[i].kind, note, err, sizeof(err));

		assert_non_null(note);
		assert_int_equal(ret, table[i].says ? -EINVAL : 0);
		if (table[i].says && !strstr(err, table[i].says))
			fail_msg("row %zu: \"%s\" lacks \"%s\"", i, err, table[i].says);
	}
}

static void whole_approvals(void **state)
{
	_cleanup_json_ json_t *both = statement("p", "r", 8, 0), *none = statement("p", NULL, 0, 0);
	_cleanup_json_ json_t *fine = statement(NULL, "r", 8, 100);
	char err[256];

	(void)state;
	sign(both, 0, false);
	sign(none, 0, false);
	sign(fine, 0, false);
	assert_int_equal(em_note_check("approval", both, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "one \"project\" or one \"ref\""));
	assert_int_equal(em_note_check("approval", none, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "how many"));
	assert_int_equal(em_note_check("approval", fine, err, sizeof(err)), 0);
}

/* --- gates ---------------------------------------------------------------------------------- */

/* struct cluster - four GPUs, intervals of an hour */
struct cluster {
	struct history h;
};

/* One sync for all of it, and read as another process would. */
static void ready(struct cluster *c)
{
	assert_int_equal(em_ledger_batch_end(c->h.l), 0);
	history_reopen(&c->h);
}

static void cluster_open(struct cluster *c)
{
	history_open(&c->h, START);
	assert_int_equal(em_ledger_batch(c->h.l), 0);
	for (__u32 gpu = 1; gpu <= 4; gpu++)
		history_gpu(&c->h, gpu);
}

static __u32 job(struct cluster *c, __u8 purpose, const char *project, const char *ref)
{
	__u32 id = history_job(&c->h, purpose, EARMARK_TAGGED_BY_SCHEDULER, project, "/j");

	if (purpose)
		snprintf(c->h.events[c->h.nr_events - 1].ref, EARMARK_REF_LEN, "%s", ref);
	return id;
}

/* The next hour: job @jobs[i] on GPU i + 1 alone, 0 = idle. */
static void hour(struct cluster *c, const __u32 jobs[4])
{
	for (__u32 i = 0; i < 4; i++) {
		if (jobs[i])
			history_use(&c->h, i + 1, jobs[i], H, H, H);
		history_rest(&c->h, i + 1, H, 0, 0, 0);
	}
	history_seal(&c->h, H);
}

static struct em_commitment gate_of(unsigned int gpus, unsigned int hours)
{
	return (struct em_commitment){
		.name = "gate",
		.kind = EM_GATE,
		.purpose = EARMARK_PURPOSE_CAPABILITIES,
		.gpus = gpus,
		.gpu_hours = (em_ns)hours * (em_ns)H,
		.min_coverage = { 0, 1 },
		.window = 10 * DAY,
		.prove_within = DAY,
	};
}

static struct em_verdict check(struct cluster *c, const struct em_commitment *gate)
{
	struct em_verdict v;

	assert_int_equal(em_commitment_check(gate, c->h.l, c->h.wall, &v), 0);
	return v;
}

static void expect(struct cluster *c, const struct em_commitment *gate, enum em_status status,
		   const char *reason)
{
	struct em_verdict v = check(c, gate);

	if (v.status != status || strcmp(v.reason, reason))
		fail_msg("%s (%s: %s), should be %s (%s)", em_status_name(v.status), v.reason,
			 v.detail, em_status_name(status), reason);
}

static void approve(struct cluster *c, int64_t at, json_t *note)
{
	_cleanup_json_ json_t *own = note;
	_cleanup_free_ char *text = json_dumps(note, JSON_COMPACT | JSON_SORT_KEYS);

	assert_int_equal(em_ledger_note_at(c->h.l, at, "approval", text), 0);
	ready(c);
}

static json_t *signed_by(json_t *note, int key, bool external)
{
	sign(note, key, external);
	return note;
}

/* One job of 3 GPUs for 2 hours. */
static void one_job(struct cluster *c, __u8 purpose, const char *project, const char *ref)
{
	__u32 a;

	cluster_open(c);
	hour(c, (const __u32[4]){ 0 });
	a = job(c, purpose, project, ref);
	for (int i = 0; i < 2; i++)
		hour(c, (const __u32[4]){ a, a, a, 0 });
	ready(c);
}

static void sizes(void **state)
{
	static const struct {
		unsigned int gpus, hours;
		enum em_status status;
	} table[] = {
		{ 3, 0, EM_MET },      { 2, 0, EM_BREACHED }, { 0, 6, EM_MET },
		{ 0, 5, EM_BREACHED }, { 3, 5, EM_BREACHED }, { 3, 6, EM_MET },
	};
	struct cluster c;

	(void)state;
	one_job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/1");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct em_commitment gate = gate_of(table[i].gpus, table[i].hours);

		expect(&c, &gate, table[i].status, table[i].status == EM_MET ? "" : "no approval");
	}
	/* another purpose passes, unless its tag is too weak to be believed */
	struct em_commitment gate = gate_of(2, 0);

	gate.purpose = EARMARK_PURPOSE_SERVING;
	expect(&c, &gate, EM_MET, "");
	gate.require_tagged_by = EARMARK_TAGGED_BY_OPERATOR;
	expect(&c, &gate, EM_UNPROVEN, "size or purpose not shown");
	history_close(&c.h);
	/* untagged work may be anything */
	one_job(&c, 0, "", "");
	gate = gate_of(2, 0);
	expect(&c, &gate, EM_UNPROVEN, "size or purpose not shown");
	gate = gate_of(3, 0);
	expect(&c, &gate, EM_MET, "");
	history_close(&c.h);
}

static void approved(void **state)
{
	struct em_commitment gate = gate_of(2, 5), strict = gate;
	int64_t began = START + H;
	struct cluster c;

	(void)state;
	strict.approvals = 2;
	strict.external = 1;
	one_job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/1");
	approve(&c, began + 2 * H, signed_by(statement(NULL, "c/1", 3, 6), 0, false));
	expect(&c, &gate, EM_BREACHED, "approved too late");
	approve(&c, began - H, signed_by(statement(NULL, "c/2", 3, 6), 0, false));
	expect(&c, &gate, EM_BREACHED, "approved too late");
	approve(&c, began - H, signed_by(statement(NULL, "c/1", 2, 6), 0, false));
	expect(&c, &gate, EM_BREACHED, "approved too late"); /* for too few */
	approve(&c, began - H, signed_by(statement(NULL, "c/1", 3, 5), 0, false));
	expect(&c, &gate, EM_BREACHED, "approved too late"); /* for too short */
	approve(&c, began - H / 2, signed_by(statement(NULL, "c/1", 4, 6), 0, false));
	expect(&c, &gate, EM_MET, "");
	/* two keys, one of them from outside; the same key twice is one */
	expect(&c, &strict, EM_BREACHED, "no approval");
	approve(&c, began - H / 2, signed_by(statement(NULL, "c/1", 4, 6), 0, true));
	expect(&c, &strict, EM_BREACHED, "no approval");
	approve(&c, began - H / 4, signed_by(statement(NULL, "c/1", 4, 6), 1, true));
	expect(&c, &strict, EM_MET, "");
	/* of those who may */
	strict.approvers = (char *)K1;
	expect(&c, &strict, EM_BREACHED, "no approval");
	history_close(&c.h);
}

/* About when it began, which is known to an interval: it may have been in time. */
static void just_so(void **state)
{
	struct em_commitment gate = gate_of(2, 0);
	struct cluster c;

	(void)state;
	one_job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/1");
	approve(&c, START + H + 30 * S, signed_by(statement("p", NULL, 3, 0), 0, false));
	expect(&c, &gate, EM_UNPROVEN, "size or purpose not shown");
	history_close(&c.h);
}

static void forged(void **state)
{
	struct em_commitment gate = gate_of(2, 0);
	json_t *note = signed_by(statement("p", NULL, 2, 0), 0, false);
	struct cluster c;

	(void)state;
	one_job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/1");
	json_object_set_new(note, "gpus", json_integer(3));
	approve(&c, START, note);
	expect(&c, &gate, EM_BREACHED, "no approval");
	assert_int_equal(em_ledger_note_at(c.h.l, START, "approval", "[1]"), 0);
	ready(&c);
	expect(&c, &gate, EM_BREACHED, "no approval");
	history_close(&c.h);
}

/* Pieces: three jobs of one project at once, and one after the other; and with no name at all. */
static void pieces(void **state)
{
	struct em_commitment gate = gate_of(2, 0), hours = gate_of(0, 5);
	struct cluster c;
	__u32 a, b, d;

	(void)state;
	cluster_open(&c);
	a = job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/1");
	b = job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/2");
	d = job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/3");
	hour(&c, (const __u32[4]){ a, b, d, 0 });
	hour(&c, (const __u32[4]){ a, b, d, 0 });
	ready(&c);
	expect(&c, &gate, EM_BREACHED, "no approval");
	assert_non_null(strstr(check(&c, &gate).detail, "project p"));
	expect(&c, &hours, EM_BREACHED, "no approval");
	/* each approved as a job: nothing is left to be counted under the project */
	approve(&c, START - 1, signed_by(statement(NULL, "c/1", 1, 0), 0, false));
	approve(&c, START - 1, signed_by(statement(NULL, "c/2", 1, 0), 0, false));
	expect(&c, &gate, EM_MET, "");
	history_close(&c.h);
	/* days apart they are no run of 24 hours */
	cluster_open(&c);
	a = job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/1");
	for (int i = 0; i < 4; i++)
		hour(&c, (const __u32[4]){ a, 0, 0, 0 });
	for (int i = 0; i < 48; i++)
		hour(&c, (const __u32[4]){ 0 });
	b = job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/2");
	for (int i = 0; i < 4; i++)
		hour(&c, (const __u32[4]){ 0, b, 0, 0 });
	ready(&c);
	expect(&c, &hours, EM_MET, "");
	history_close(&c.h);
	/* whoever names no project is counted with all who do not */
	cluster_open(&c);
	a = job(&c, EARMARK_PURPOSE_CAPABILITIES, "", "");
	b = job(&c, EARMARK_PURPOSE_CAPABILITIES, "", "");
	d = job(&c, 0, "", "");
	hour(&c, (const __u32[4]){ a, b, d, 0 });
	hour(&c, (const __u32[4]){ a, b, d, 0 });
	ready(&c);
	expect(&c, &gate, EM_UNPROVEN, "size or purpose not shown");
	assert_non_null(strstr(check(&c, &gate).detail, "none named"));
	history_close(&c.h);
}

/* Two jobs of three GPU-hours each, side by side in a quarter of a day, anywhere in ten. */
static void needle(void **state)
{
	(void)state;
	for (int busy = 0; busy < 40; busy += 7) {
		struct em_commitment gate = gate_of(0, 5);
		struct cluster c;
		__u32 a, b;

		history_open(&c.h, START);
		assert_int_equal(em_ledger_batch(c.h.l), 0);
		history_gpu(&c.h, 1);
		history_gpu(&c.h, 2);
		a = job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/1");
		b = job(&c, EARMARK_PURPOSE_CAPABILITIES, "p", "c/2");
		for (int i = 0; i < 40; i++) {
			if (i == busy) {
				history_use(&c.h, 1, a, 3 * H, 3 * H, 3 * H);
				history_use(&c.h, 2, b, 3 * H, 3 * H, 3 * H);
			}
			history_rest(&c.h, 1, 6 * H, 0, 0, 0);
			history_rest(&c.h, 2, 6 * H, 0, 0, 0);
			history_seal(&c.h, 6 * H);
		}
		ready(&c);
		expect(&c, &gate, EM_BREACHED, "no approval");
		gate = gate_of(0, 6);
		expect(&c, &gate, EM_MET, "");
		history_close(&c.h);
	}
}

/* Where nobody looked, a job may have been. */
static void unseen(void **state)
{
	struct em_commitment gate = gate_of(0, 5);
	struct cluster c;

	(void)state;
	cluster_open(&c);
	hour(&c, (const __u32[4]){ 0 });
	c.h.number++;
	c.h.wall += H;
	c.h.mono += H; /* four GPU-hours without a record */
	hour(&c, (const __u32[4]){ 0 });
	ready(&c);
	expect(&c, &gate, EM_MET, "");
	gate = gate_of(0, 3);
	expect(&c, &gate, EM_UNPROVEN, "unobserved");
	history_close(&c.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),      cmocka_unit_test(checks),
		cmocka_unit_test(whole_approvals), cmocka_unit_test(sizes),
		cmocka_unit_test(approved),        cmocka_unit_test(just_so),
		cmocka_unit_test(forged),          cmocka_unit_test(pieces),
		cmocka_unit_test(needle),          cmocka_unit_test(unseen),
	};

	return cmocka_run_group_tests_name("gates", tests, write_keys, remove_keys);
}
