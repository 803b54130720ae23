// SPDX-License-Identifier: GPL-2.0
/* What a report is as a page; see paging.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/paging.h"
#include "cli/probing.h"
#include "commit/commitment.h"
#include "probe/ask.h"
#include "report/energy.h"
#include "report/page.h"

EM_CLEANUP(struct em_ledger *, em_ledger_close);

/* --- the document -------------------------------------------------------------------------- */

static int add_page(struct em_args *a, struct em_ledger *l, json_t *o)
{
	struct em_ask ask = { 0 };
	struct em_page_order order = { .ask = &ask };
	struct em_commitments known;
	int ret = em_probing_parse(a, &ask);

	if (ret || em_commitments_known(a, l, &known))
		return EM_NO_ANSWER;
	order.promised = &known;
	ret = em_page_add(o, l, &order);
	em_commitments_clear(&known);
	if (ret)
		return em_fail(a, "%s", em_ledger_error(l) ?: strerror(-ret));
	json_object_set_new(o, "checkpoints", em_paging_checkpoints(a));
	return 0;
}

int em_paging_energy(struct em_args *a, struct em_ledger *l, json_t *o, int64_t since,
		     int64_t until)
{
	struct em_energy e;
	int ret = em_energy_make(&e, l, since, until);

	if (!ret)
		em_energy_json(o, &e);
	em_energy_clear(&e);
	return ret ? em_fail(a, "%s", em_ledger_error(l)) : 0;
}

/*
 * A scheduler's history that is over is judged as of its end: who looks at it a month later does
 * not ask about that month.
 */
static int64_t judged_at(const struct em_report *r, int64_t until)
{
	bool replayed = r->span.recorders == 1u << EARMARK_RECORDER_REPLAY;

	return replayed && r->span.end < until ? r->span.end : until;
}

json_t *em_paging_document(struct em_args *a, struct em_ledger *l, int *status)
{
	json_t *o, *verdicts = NULL;
	struct em_report r;
	int64_t since, until;

	if (em_window(a, &since, &until))
		return NULL;
	if (em_report_make(&r, l, since, until)) {
		em_fail(a, "%s", em_ledger_error(l));
		return NULL;
	}
	if (em_judge_all(a, l, judged_at(&r, until), &verdicts, status))
		return NULL;
	o = em_report_json(&r);
	json_object_set_new(o, "commitments", verdicts);
	if (!em_paging_energy(a, l, o, since, until) && !add_page(a, l, o))
		return o;
	json_decref(o);
	return NULL;
}

/* --- the file ------------------------------------------------------------------------------ */

static int unwritten(struct em_args *a, const char *file, const char *temporary, int err)
{
	if (temporary)
		unlink(temporary);
	return em_fail(a, "--html %s cannot be written: %s", file, strerror(err));
}

/* A device or a pipe must never be replaced by a file. */
static int write_through(struct em_args *a, const json_t *document, const char *file)
{
	FILE *out = fopen(file, "we");
	int ret;

	if (!out)
		return unwritten(a, file, NULL, errno);
	ret = em_page_html(document, out) ? EIO : 0;
	if (fclose(out) && !ret)
		ret = errno;
	return ret ? unwritten(a, file, NULL, ret) : 0;
}

int em_paging_html(struct em_args *a, const json_t *document, const char *file)
{
	char temporary[PATH_MAX];
	struct stat st;
	FILE *out;
	int fd, ret;

	if (!strcmp(file, "-"))
		return em_page_html(document, stdout) ? unwritten(a, file, NULL, EIO) : 0;
	if (!lstat(file, &st) && !S_ISREG(st.st_mode))
		return write_through(a, document, file);
	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", file) >= (int)sizeof(temporary))
		return unwritten(a, file, NULL, ENAMETOOLONG);
	fd = mkostemp(temporary, O_CLOEXEC);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		return unwritten(a, file, fd < 0 ? NULL : temporary, errno);
	ret = em_page_html(document, out) ? EIO : 0;
	if (!ret && fchmod(fd, 0644))
		ret = errno;
	if (fclose(out) && !ret)
		ret = errno;
	if (!ret && rename(temporary, file))
		ret = errno;
	return ret ? unwritten(a, file, temporary, ret) : 0;
}

int em_paging_file(struct em_args *a, const char *file)
{
	_cleanup_(em_ledger_closep) struct em_ledger *l = em_open_ledger(a);
	_cleanup_json_ json_t *document = NULL;
	int status;

	if (!l)
		return EM_NO_ANSWER;
	document = em_paging_document(a, l, &status);
	return document ? em_paging_html(a, document, file) : EM_NO_ANSWER;
}
