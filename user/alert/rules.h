/* SPDX-License-Identifier: GPL-2.0 */
/* What is seen of a verdict and of a report, as pure functions. */
#ifndef EM_ALERT_RULES_H
#define EM_ALERT_RULES_H

#include "alert/alert.h"

/* A most that must not be passed? A gate and a growth are such limits too. */
static inline bool em_limit_is_ceiling(const struct em_commitment *c)
{
	return c->kind == EM_CEILING || c->kind == EM_GATE || c->kind == EM_GROWTH;
}

/* Is it a share of a window that moves on, of which pace and budget can be told? */
static inline bool em_limit_has_pace(const struct em_commitment *c)
{
	return (c->kind == EM_FLOOR || c->kind == EM_CEILING) && !c->amount &&
	       c->span.kind == EM_ROLLING;
}

/*
 * FloorBreached, CeilingBreached. Clear only when MET with 1 % of the limit to spare: floors
 * p*1.01 (at most all of it), ceilings p*0.99.
 */
enum em_alert_sight em_sight_of_breach(const struct em_share *limit, bool ceiling,
				       const struct em_verdict *v);

/* UntaggedHigh: a fifth or more of used time is untagged or unattributed. */
enum em_alert_sight em_sight_of_untagged(const struct em_report *r);
/* CoverageLow: a tenth or more of capacity is unobserved. */
enum em_alert_sight em_sight_of_coverage(const struct em_report *r);

#endif
