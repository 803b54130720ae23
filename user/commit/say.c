// SPDX-License-Identifier: GPL-2.0
/* One key of a commitment as people read it; see commitment.h. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/commitment.h"

#define TEXT_LEN 256

static void put_share(char *out, const struct em_share *s)
{
	if (!s->den)
		snprintf(out, TEXT_LEN, "-");
	else if (s->num * 10000 % s->den)
		snprintf(out, TEXT_LEN, "%llu/%llu", (unsigned long long)s->num,
			 (unsigned long long)s->den);
	else /* exact */
		snprintf(out, TEXT_LEN, "%.6g %%", 100.0 * (double)s->num / (double)s->den);
}

static void put_time(char *out, em_ns ns)
{
	snprintf(out, TEXT_LEN, "%.6g GPU-h", (double)ns / (3600.0 * (double)EM_NS_PER_S));
}

static void put_instant(char *out, int64_t ns)
{
	char time[EM_TIME_LEN];

	snprintf(out, TEXT_LEN, "%s", ns ? em_time_format(time, ns, 0) : "-");
}

static void put_duration(char *out, int64_t ns)
{
	char time[EM_DURATION_LEN];

	snprintf(out, TEXT_LEN, "%s", ns ? em_duration_format(time, ns) : "-");
}

static void put_scope(char *out, const struct em_commitment *c)
{
	size_t at = 0;

	snprintf(out, TEXT_LEN, "everything");
	for (int i = 0; i < EM_SCOPE_COUNT && at < TEXT_LEN; i++) {
		if (c->scope[i])
			at += (size_t)snprintf(out + at, TEXT_LEN - at, "%s%s %s", at ? ", " : "",
					       em_scope_name(i), c->scope[i]);
	}
}

#define SHOW(name) static void show_##name(const struct em_commitment *c, char *out)

SHOW(kind)
{
	snprintf(out, TEXT_LEN, "%s", em_commitment_kind_name(c->kind));
}

SHOW(purpose)
{
	snprintf(out, TEXT_LEN, "%s%s%s", em_purpose_name(c->purpose), c->than ? " than " : "",
		 c->than ? em_purpose_name(c->than) : "");
}

SHOW(share)
{
	if (c->amount)
		put_time(out, c->fixed);
	else
		put_share(out, &c->share);
}

SHOW(of)
{
	char text[TEXT_LEN] = "";

	if (c->of == EM_OF_FIXED)
		put_time(text, c->fixed);
	if (c->of == EM_OF_INSTALLED)
		put_instant(text, c->installed_at);
	snprintf(out, TEXT_LEN, "%s%s%.200s%s", em_of_name(c->of), *text ? "(" : "", text,
		 *text ? ")" : "");
}

SHOW(mixed)
{
	if (c->mixed == EM_MIXED_PART)
		put_share(out, &c->mixed_part);
	else
		snprintf(out, TEXT_LEN, "%s", em_mixed_name(c->mixed));
}

SHOW(clock)
{
	snprintf(out, TEXT_LEN, "%s", em_clock_name(c->clock));
}

SHOW(scope)
{
	put_scope(out, c);
}

SHOW(window)
{
	struct em_window w = c->span;

	w.length = c->window;
	em_window_text(&w, out, TEXT_LEN);
}

SHOW(weights)
{
	snprintf(out, TEXT_LEN, c->weights.n ? "%zu patterns" : "none", c->weights.n);
}

SHOW(min_coverage)
{
	put_share(out, &c->min_coverage);
}

SHOW(min_total)
{
	put_time(out, c->min_total);
}

SHOW(tagged_by)
{
	snprintf(out, TEXT_LEN, "%s", em_tagged_by_name(c->require_tagged_by));
}

SHOW(prove_within)
{
	put_duration(out, c->prove_within);
}

SHOW(tolerance)
{
	put_share(out, &c->tolerance);
}

SHOW(catch_up)
{
	put_share(out, &c->catch_up_max);
}

SHOW(notice)
{
	put_duration(out, c->notice);
}

SHOW(when)
{
	snprintf(out, TEXT_LEN, "%s", c->when ?: "at once");
}

SHOW(declared)
{
	put_instant(out, c->declared);
}

SHOW(definitions)
{
	snprintf(out, TEXT_LEN, "%s", c->definitions ?: "none");
}

SHOW(due)
{
	if (c->within_of)
		snprintf(out, TEXT_LEN, "%.6g d of %s",
			 (double)c->within / (86400.0 * (double)EM_NS_PER_S), c->within_of);
	else
		put_instant(out, c->due);
}

SHOW(reallocation)
{
	char from[TEXT_LEN], to[TEXT_LEN];

	put_share(from, &c->from);
	put_share(to, &c->to);
	snprintf(out, TEXT_LEN, "%.100s to %.100s", from, to);
}

SHOW(displacement)
{
	put_share(out, &c->displacement);
}

SHOW(gpus)
{
	snprintf(out, TEXT_LEN, c->gpus ? "%u" : "-", c->gpus);
}

SHOW(gpu_hours)
{
	put_time(out, c->gpu_hours);
}

SHOW(approvals)
{
	snprintf(out, TEXT_LEN, "%u, %u from outside", c->approvals ?: 1, c->external);
}

SHOW(approvers)
{
	snprintf(out, TEXT_LEN, "%.*s", TEXT_LEN - 1, c->approvers ?: "anybody");
}

SHOW(words)
{
	snprintf(out, TEXT_LEN, "%.200s", c->text ?: c->by ?: c->source ?: "-");
}

static const struct {
	const char *key;
	void (*show)(const struct em_commitment *c, char *out);
} keys[] = {
	{ "kind", show_kind },
	{ "purpose", show_purpose },
	{ "share", show_share },
	{ "of", show_of },
	{ "mixed", show_mixed },
	{ "clock", show_clock },
	{ "scope", show_scope },
	{ "window", show_window },
	{ "weights", show_weights },
	{ "min_coverage", show_min_coverage },
	{ "min_total", show_min_total },
	{ "require_tagged_by", show_tagged_by },
	{ "prove_within", show_prove_within },
	{ "tolerance", show_tolerance },
	{ "catch_up", show_catch_up },
	{ "notice", show_notice },
	{ "when", show_when },
	{ "declared", show_declared },
	{ "definitions", show_definitions },
	{ "due", show_due },
	{ "to", show_reallocation },
	{ "displacement", show_displacement },
	{ "gpus", show_gpus },
	{ "gpu_hours", show_gpu_hours },
	{ "approvals", show_approvals },
	{ "approvers", show_approvers },
	{ "text", show_words },
};

const char *em_commitment_say(const struct em_commitment *c, const char *key, char *out, size_t len)
{
	char text[TEXT_LEN] = "?";

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strcmp(keys[i].key, key))
			keys[i].show(c, text);
	}
	for (char *p = text; (p = strchr(p, '\n'));)
		*p = ' ';
	return em_text_safe(out, len, text);
}
