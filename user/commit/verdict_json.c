// SPDX-License-Identifier: GPL-2.0
/* A verdict as JSON; see commitment.h. */
#include "base/cleanup.h"
#include "base/time.h"
#include "commit/judge.h"

static const char *const status_names[] = {
	[EM_MET] = "MET",           [EM_BREACHED] = "BREACHED",
	[EM_UNPROVEN] = "UNPROVEN", [EM_UNDEFINED] = "UNDEFINED",
	[EM_NOT_DUE] = "NOT_DUE",   [EM_INFEASIBLE] = "INFEASIBLE",
};

const char *em_status_name(enum em_status status)
{
	return status < ARRAY_SIZE(status_names) ? status_names[status] : "?";
}

static json_t *plain(const struct em_share *s)
{
	if (!s->den)
		return json_null();
	return json_pack("{s:I,s:I}", "num", (json_int_t)s->num, "den", (json_int_t)s->den);
}

/* What it is held against: a share as such, NULL where there is none. */
static json_t *bound(const struct em_commitment *c)
{
	if (c->kind == EM_GATE || c->kind == EM_GROWTH || c->amount)
		return json_null();
	return plain(c->kind == EM_REALLOCATE ? &c->to : &c->share);
}

static const char *promise(const struct em_commitment *c, char *out, size_t len)
{
	char a[64], b[64];

	switch (c->kind) {
	case EM_GROWTH:
		snprintf(out, len, "no faster than %s", em_purpose_name(c->than));
		break;
	case EM_REALLOCATE:
		em_commitment_say(c, "to", out, len);
		break;
	case EM_GATE:
		em_commitment_say(c, "gpus", a, sizeof(a));
		em_commitment_say(c, "gpu_hours", b, sizeof(b));
		snprintf(out, len, "gate at %s%s%s%s", c->gpus ? a : "", c->gpus ? " GPUs" : "",
			 c->gpus && c->gpu_hours ? " or " : "", c->gpu_hours ? b : "");
		break;
	default:
		em_commitment_say(c, "share", a, sizeof(a));
		snprintf(out, len, "%s %s", c->kind == EM_FLOOR ? "at least" : "at most", a);
	}
	return out;
}

/* Weighted sums of a large fleet pass 63 bits of microseconds; their ratio need not. */
static json_t *share(struct em_share s)
{
	while (s.den >> 72 || s.num >> 72) {
		s.num >>= 1;
		s.den >>= 1;
	}
	return em_share_json(&s);
}

static void times(json_t *o, const struct em_verdict *v)
{
	char start[EM_TIME_LEN], end[EM_TIME_LEN], due[EM_TIME_LEN];

	json_object_set_new(o, "window",
			    json_pack("{s:s,s:s}", "start", em_time_format(start, v->start, 6),
				      "end", em_time_format(end, v->end, 6)));
	json_object_set_new(o, "due",
			    v->due ? json_string(em_time_format(due, v->due, 6)) : json_null());
	json_object_set_new(o, "partial", json_boolean(v->partial));
	json_object_set_new(o, "replayed", json_boolean(v->replayed));
}

json_t *em_verdict_json(const struct em_commitment *c, const struct em_verdict *v)
{
	json_t *o = json_object();
	char text[256];

	json_object_set_new(o, "promise", json_string(promise(c, text, sizeof(text))));
	json_object_set_new(o, "name", json_string(c->name));
	json_object_set_new(o, "kind", json_string(em_commitment_kind_name(c->kind)));
	json_object_set_new(o, "purpose", json_string(em_purpose_name(c->purpose)));
	json_object_set_new(o, "status", json_string(em_status_name(v->status)));
	json_object_set_new(o, "reason", json_string(v->reason));
	json_object_set_new(o, "detail", em_json_text(v->detail));
	json_object_set_new(o, "bound", bound(c));
	json_object_set_new(o, "floor", c->kind == EM_FLOOR ? bound(c) : json_null());
	json_object_set_new(o, "amount_us",
			    c->amount ? json_integer(em_us(c->fixed)) : json_null());
	json_object_set_new(o, "proven", share(v->proven));
	json_object_set_new(o, "possible", share(v->possible));
	json_object_set_new(o, "busy",
			    json_pack("{s:o,s:o}", "proven", share(v->busy_proven), "possible",
				      share(v->busy_possible)));
	json_object_set_new(o, "ratio",
			    json_pack("{s:o,s:o}", "proven", share(v->ratio_proven), "possible",
				      share(v->ratio_possible)));
	json_object_set_new(o, "in_scope", share(v->in_scope));
	json_object_set_new(o, "deficit_us", json_integer(em_us(v->deficit)));
	json_object_set_new(o, "added_us",
			    v->never && v->deficit ? json_null() : json_integer(em_us(v->added)));
	json_object_set_new(o, "settle",
			    json_pack("{s:I,s:I,s:I,s:I,s:I}", "untagged_us", em_us(v->untagged),
				      "weakly_tagged_us", em_us(v->weak), "mixed_us",
				      em_us(v->mixed), "unobserved_us", em_us(v->unobserved),
				      "error_us", em_us(v->error)));
	times(o, v);
	return o;
}
