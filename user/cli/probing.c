// SPDX-License-Identifier: GPL-2.0
/* The options of earmark probe; see probing.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/probing.h"
#include "probe/constraint.h"

/* "START/END" of --@name. 0, or EM_NO_ANSWER; a missing option leaves @r empty. */
static int parse_range(struct em_args *a, const char *name, struct em_range *r)
{
	const char *given = em_opt(a, name), *slash = given ? strchr(given, '/') : NULL;
	_cleanup_free_ char *start = slash ? strndup(given, (size_t)(slash - given)) : NULL;
	int64_t now = em_time_now();

	if (!given)
		return 0;
	if (!start || em_time_parse(start, now, &r->start) ||
	    em_time_parse(slash + 1, now, &r->end))
		return em_fail(a, "--%s %s: not START/END; write 2026-11-01/2026-11-08", name,
			       given);
	if (r->start >= r->end)
		return em_fail(a, "--%s %s: ends before it begins", name, given);
	return 0;
}

static int parse_windows(struct em_args *a, struct em_ask *ask)
{
	if (em_window(a, &ask->window.start, &ask->window.end) ||
	    parse_range(a, "before", &ask->before) || parse_range(a, "after", &ask->after))
		return EM_NO_ANSWER;
	if (!em_opt(a, "before") != !em_opt(a, "after"))
		return em_fail(a, "--before and --after go together");
	ask->until = ask->window.end;
	if (!em_opt(a, "before"))
		return 0;
	if (em_opt(a, "since") || em_opt(a, "until") || em_opt(a, "window"))
		return em_fail(a, "--before and --after exclude --since, --until and --window");
	if (ask->before.end > ask->after.start)
		return em_fail(a, "--before must end before --after begins");
	ask->window = (struct em_range){ ask->before.start, ask->after.end };
	return 0;
}

static int parse_seed(struct em_args *a, struct em_ask *ask)
{
	const char *given = em_opt(a, "seed");
	char *end;

	ask->seed = 1;
	if (!given)
		return 0;
	errno = 0;
	ask->seed = strtoull(given, &end, 10);
	if (errno || *end || *given < '0' || *given > '9' || !ask->seed || ask->seed > UINT32_MAX)
		return em_fail(a, "--seed %s: not a whole number from 1 to 4294967295", given);
	return 0;
}

/* A whole number of --@name into @ret, from 1 to @most; a missing option leaves it. */
static int parse_count(struct em_args *a, const char *name, unsigned int most, unsigned int *ret)
{
	const char *given = em_opt(a, name);
	unsigned long n;
	char *end;

	if (!given)
		return 0;
	errno = 0;
	n = strtoul(given, &end, 10);
	if (errno || *end || *given < '0' || *given > '9' || !n || n > most)
		return em_fail(a, "--%s %s: not a whole number from 1 to %u", name, given, most);
	*ret = (unsigned int)n;
	return 0;
}

static int parse_researchers(struct em_args *a, struct em_ask *ask)
{
	const char *given = em_opt(a, "researchers");
	int used = 0;

	ask->researchers[0] = EM_RESEARCHERS_ALIGNMENT;
	ask->researchers[1] = EM_RESEARCHERS_CAPABILITIES;
	if (!given)
		return 0;
	if (sscanf(given, "%7u:%7u%n", &ask->researchers[0], &ask->researchers[1], &used) != 2 ||
	    given[used] || !ask->researchers[0] || !ask->researchers[1] || strchr(given, '-'))
		return em_fail(a,
			       "--researchers %s: not ALIGNMENT:CAPABILITIES; write 30:100, the "
			       "essay's",
			       given);
	ask->researchers_given = true;
	return 0;
}

/* "12.5%" of --@name, exact; a missing option leaves @ret. */
static int parse_share(struct em_args *a, const char *name, struct em_share *ret)
{
	const char *given = em_opt(a, name), *p = given;
	em_ns num = 0, den = 100;
	bool dot = false;

	for (; given && p < given + 12 && (strchr("0123456789", *p) || (*p == '.' && !dot)) && *p;
	     p++) {
		if (*p == '.') {
			dot = true;
			continue;
		}
		num = 10 * num + (em_ns)(*p - '0');
		den *= dot ? 10 : 1;
	}
	if (!given)
		return 0;
	if (p == given || strcmp(p, "%") || num > den)
		return em_fail(a, "--%s %s: not a share; write 20%%", name, given);
	*ret = (struct em_share){ num, den };
	return 0;
}

static int parse_hold(struct em_args *a, struct em_ask *ask)
{
	const char *given = em_opt(a, "hold");

	ask->hold = EM_DAY;
	if (given && (em_duration_parse(given, &ask->hold) || ask->hold < EM_NS_PER_S))
		return em_fail(a, "--hold %s: not a duration; write 24h", given);
	return 0;
}

static int parse_at(struct em_args *a, struct em_ask *ask)
{
	const char *given = em_opt(a, "at");

	if (given && em_time_parse(given, em_time_now(), &ask->at))
		return em_fail(a, "--at %s: not a time; write 2026-11-24", given);
	return 0;
}

/* A baseline is frozen by somebody, for a reason: whoever reads the record later asks for both. */
static int parse_freeze(struct em_args *a, struct em_ask *ask)
{
	ask->freeze = em_opt(a, "freeze") != NULL;
	ask->author = em_opt(a, "author");
	ask->reason = em_opt(a, "reason");
	if (!ask->freeze && (ask->author || ask->reason))
		return em_fail(a, "--author and --reason are of --freeze");
	if (ask->freeze && (!ask->author || !ask->reason))
		return em_fail(a, "--%s is missing: %s", ask->author ? "reason" : "author",
			       ask->author ? "why is it frozen?" : "who freezes it?");
	return 0;
}

int em_probing_parse(struct em_args *a, struct em_ask *ask)
{
	unsigned int hours = 0;

	if (parse_freeze(a, ask) || parse_windows(a, ask) || parse_seed(a, ask) ||
	    parse_researchers(a, ask) || parse_count(a, "size", 1000000000, &hours) ||
	    parse_hold(a, ask) || parse_at(a, ask) || parse_range(a, "baseline", &ask->baseline))
		return EM_NO_ANSWER;
	ask->size = (em_ns)hours * EM_HOUR;
	return 0;
}

int em_probing_plan(struct em_args *a, struct em_ask *ask)
{
	int64_t now = em_time_now();

	now -= now % (60 * EM_NS_PER_S);
	ask->window = (struct em_range){ now, 0 };
	ask->count = 12;
	ask->from = (struct em_share){ 10, 100 };
	ask->to = (struct em_share){ 20, 100 };
	if (em_opt(a, "since") && em_time_parse(em_opt(a, "since"), now, &ask->window.start))
		return em_fail(a, "--since %s: not a time", em_opt(a, "since"));
	ask->window.end = ask->window.start + 28 * EM_DAY;
	if (em_opt(a, "until") && em_time_parse(em_opt(a, "until"), now, &ask->window.end))
		return em_fail(a, "--until %s: not a time", em_opt(a, "until"));
	if (ask->window.start >= ask->window.end)
		return em_fail(a, "the window ends before it begins");
	if (parse_seed(a, ask) || parse_hold(a, ask) ||
	    parse_count(a, "count", 1000, &ask->count) || parse_share(a, "from", &ask->from) ||
	    parse_share(a, "to", &ask->to))
		return EM_NO_ANSWER;
	return 0;
}
