// SPDX-License-Identifier: GPL-2.0
/* Where alignment's growth came from: exact bounds; see financing.h. */
#include <string.h>

#include "probe/financing.h"

const char *em_source_name(unsigned int source)
{
	return source == EM_SOURCE_K ? "new capacity" : em_part_name(source);
}

static void share_out(struct em_retagged *r, const em_ns lost[EM_PARTS],
		      const em_ns gained[EM_PARTS], em_ns all_lost, em_ns all_gained)
{
	em_ns common = em_least(all_lost, all_gained);

	for (unsigned int i = 0; i < EM_PARTS; i++) {
		em_ns from = em_muldiv(lost[i], common, all_lost);

		for (unsigned int k = 0; k < EM_PARTS; k++)
			r->moved[i][k] += em_muldiv(from, gained[k], all_gained);
	}
}

void em_retagged_add(struct em_retagged *r, const struct em_parts *before,
		     const struct em_parts *after)
{
	em_ns lost[EM_PARTS], gained[EM_PARTS], all_lost = 0, all_gained = 0;

	for (unsigned int i = 0; i < EM_PARTS; i++) {
		all_lost += lost[i] = em_grown(after->part[i], before->part[i]);
		all_gained += gained[i] = em_grown(before->part[i], after->part[i]);
	}
	r->jobs++;
	if (!all_lost || !all_gained)
		return;
	r->changed++;
	share_out(r, lost, gained, all_lost, all_gained);
}

/* What each part would have gained (or lost) had no job been retagged. */
static void net_changes(struct em_financing *f, const struct em_parts *before,
			const struct em_parts *after, const struct em_retagged *r,
			em_delta change[EM_PARTS])
{
	for (unsigned int i = 0; i < EM_PARTS; i++)
		change[i] = (em_delta)after->part[i] - (em_delta)before->part[i];
	f->raw = change[EM_PART_A];
	for (unsigned int i = 0; r && i < EM_PARTS; i++) {
		f->retagged[i] =
			(em_delta)r->moved[i][EM_PART_A] - (em_delta)r->moved[EM_PART_A][i];
		for (unsigned int k = 0; k < EM_PARTS; k++)
			change[i] += (em_delta)r->moved[i][k] - (em_delta)r->moved[k][i];
	}
}

static void bound(struct em_financing *f, unsigned int source)
{
	em_ns growth = (em_ns)f->growth, others = f->total - f->source[source];

	f->low[source] = em_grown(others, growth);
	f->high[source] = em_least(growth, f->source[source]);
	f->middle[source] = em_muldiv(growth, f->source[source], f->total);
}

void em_financing_make(struct em_financing *f, const struct em_parts *before,
		       const struct em_parts *after, const struct em_retagged *r)
{
	em_delta change[EM_PARTS];

	memset(f, 0, sizeof(*f));
	net_changes(f, before, after, r, change);
	f->source[EM_SOURCE_K] = em_grown(em_parts_capacity(before), em_parts_capacity(after));
	for (unsigned int i = 0; i < EM_PARTS; i++)
		f->source[i] = change[i] < 0 ? (em_ns)-change[i] : 0;
	for (unsigned int i = 0; i < EM_SOURCES; i++)
		f->total += f->source[i];
	f->growth = change[EM_PART_A];
	if (f->growth <= 0)
		return;
	for (unsigned int i = 0; i < EM_SOURCES; i++)
		bound(f, i);
}
