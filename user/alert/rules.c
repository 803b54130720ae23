// SPDX-License-Identifier: GPL-2.0
/* What is seen of a verdict and of a report; see rules.h. */
#include <string.h>

#include "alert/alert.h"
#include "alert/rules.h"
#include "base/cleanup.h"

/*
 * One percent to spare, in integers: floors p·1.01, but at most all of it; ceilings p·0.99.
 * @s: the side of the share that a MET rests on.
 */
static bool spare(const struct em_share *limit, bool ceiling, const struct em_share *s)
{
	em_ns p = limit->num * (ceiling ? 99 : 101), whole = limit->den * 100;

	if (ceiling)
		return whole * s->num <= p * s->den;
	return whole * s->num >= (p < whole ? p : whole) * s->den;
}

enum em_alert_sight em_sight_of_breach(const struct em_share *limit, bool ceiling,
				       const struct em_verdict *v)
{
	if (v->status == EM_UNDEFINED)
		return EM_SEE_NOTHING;
	if (v->status == EM_BREACHED)
		return EM_SEE_BAD;
	/* only MET ends it: switching a sensor off makes a breach UNPROVEN */
	return v->status == EM_MET && spare(limit, ceiling, ceiling ? &v->possible : &v->proven)
		       ? EM_SEE_CLEAR
		       : EM_SEE_BETWEEN;
}

static enum em_alert_sight sight(bool undefined, bool bad, bool clear)
{
	return undefined ? EM_SEE_NOTHING
	       : bad     ? EM_SEE_BAD
	       : clear   ? EM_SEE_CLEAR
			 : EM_SEE_BETWEEN;
}

static double percent(const struct em_share *s)
{
	return s->den ? 100.0 * (double)s->num / (double)s->den : 0;
}

static json_t *summary(const struct em_commitment *c, const struct em_verdict *v)
{
	if (c->kind != EM_FLOOR && c->kind != EM_CEILING)
		return json_sprintf("%s: %s%s%s", em_commitment_kind_name(c->kind),
				    em_status_name(v->status), *v->detail ? ": " : "", v->detail);
	if (!v->proven.den)
		return json_sprintf("%s: nothing was used, there is no share",
				    em_purpose_name(c->purpose));
	return json_sprintf("%s has %.2f %% of used GPU time proven, %.2f %% possible; the %s is "
			    "%.2f %%",
			    em_purpose_name(c->purpose), percent(&v->proven), percent(&v->possible),
			    em_limit_is_ceiling(c) ? "ceiling" : "floor", percent(&c->share));
}

static json_t *facts_of(const struct em_commitment *c, const struct em_verdict *v)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:{s:I,s:I},s:o}", "purpose",
			 em_purpose_name(c->purpose), "status", em_status_name(v->status), "proven",
			 em_share_json(&v->proven), "possible", em_share_json(&v->possible),
			 "floor", "num", (json_int_t)c->share.num, "den", (json_int_t)c->share.den,
			 "summary", summary(c, v));
}

/**
 * em_alerts_update() - feed a verdict judged at @now
 *
 * Breached: even the possible share fails (a ceiling: the proven one). StillUnproven: UNPROVEN
 * for longer than prove_within. PaddingSuspected: met on gpu-time alone. CatchUpInfeasible: it
 * cannot be kept any more.
 */
int em_alerts_update(struct em_alerts *a, const struct em_commitment *c, const struct em_verdict *v,
		     int64_t now)
{
	struct em_ledger *l = em_alerts_ledger(a);
	_cleanup_json_ json_t *facts = facts_of(c, v);
	bool ceiling = em_limit_is_ceiling(c), undefined = v->status == EM_UNDEFINED;
	int r = undefined ? 0 : em_commitment_unproven_note(c, l, v, now);
	const struct {
		enum em_alert_kind kind;
		enum em_alert_sight sight;
	} looks[] = {
		{ ceiling ? EM_ALERT_CEILING_BREACHED : EM_ALERT_FLOOR_BREACHED,
		  em_sight_of_breach(&c->share, ceiling, v) },
		{ EM_ALERT_STILL_UNPROVEN,
		  sight(undefined, !undefined && em_commitment_long_unproven(c, l, v, now),
			v->status != EM_UNPROVEN) },
		{ EM_ALERT_CATCH_UP_INFEASIBLE,
		  sight(undefined, v->status == EM_INFEASIBLE, v->status != EM_INFEASIBLE) },
		{ EM_ALERT_PADDING_SUSPECTED,
		  sight(undefined, !strcmp(v->reason ?: "", "padding"), true) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		r = em_alerts_look(a, looks[i].kind, c->name, looks[i].sight, facts, now) ?: r;
	return r;
}

/* part/whole >= num/den; clear below it by 1 % of it. */
static enum em_alert_sight below(em_ns part, em_ns whole, unsigned int num, unsigned int den)
{
	if (!whole)
		return EM_SEE_NOTHING;
	if (part * den >= whole * num)
		return EM_SEE_BAD;
	return part * den * 100 <= whole * num * 99 ? EM_SEE_CLEAR : EM_SEE_BETWEEN;
}

enum em_alert_sight em_sight_of_untagged(const struct em_report *r)
{
	return below(r->parts[EARMARK_PURPOSE_UNTAGGED].gpu_time + r->unattributed, r->used, 1, 5);
}

enum em_alert_sight em_sight_of_coverage(const struct em_report *r)
{
	return below(r->unobserved, r->capacity, 1, 10);
}
