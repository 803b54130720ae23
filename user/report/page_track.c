// SPDX-License-Identifier: GPL-2.0
/* How each share moved under its promise; see page.h. */
#include "base/time.h"
#include "commit/commitment.h"
#include "report/page.h"

static json_t *real_share(struct em_share s)
{
	return s.den ? json_real((double)s.num / (double)s.den) : json_null();
}

static int track(json_t **ret, struct em_ledger *l, const struct em_commitment *c, int64_t start,
		 int64_t end)
{
	json_t *at = json_array(), *proven = json_array(), *possible = json_array(),
	       *status = json_array();
	int64_t step = (end - start) / EM_PAGE_TRACK;
	int r = 0;

	for (unsigned int i = 1; step > 0 && !r && i <= EM_PAGE_TRACK; i++) {
		int64_t t = i == EM_PAGE_TRACK ? end : start + (int64_t)i * step;
		struct em_verdict v;

		r = em_commitment_check(c, l, t, &v);
		if (r)
			break;
		json_array_append_new(at, json_integer(t / EM_NS_PER_S));
		json_array_append_new(proven, real_share(v.proven));
		json_array_append_new(possible, real_share(v.possible));
		json_array_append_new(status, json_string(em_status_name(v.status)));
	}
	*ret = json_pack("{s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "name", em_json_text(c->name),
			 "purpose", em_purpose_name(c->purpose), "kind",
			 em_commitment_kind_name(c->kind), "bound", real_share(c->share), "at", at,
			 "proven", proven, "possible", possible, "status", status);
	return r;
}

int em_page_tracks(json_t **ret, struct em_ledger *l, const struct em_commitments *c, int64_t start,
		   int64_t end)
{
	int r = 0;

	*ret = json_array();
	for (unsigned int i = 0; !r && c && i < c->n; i++) {
		json_t *one;

		if ((c->list[i].kind != EM_FLOOR && c->list[i].kind != EM_CEILING) ||
		    c->list[i].amount)
			continue;
		r = track(&one, l, &c->list[i], start, end);
		json_array_append_new(*ret, one);
	}
	if (r) {
		json_decref(*ret);
		*ret = NULL;
	}
	return r;
}
