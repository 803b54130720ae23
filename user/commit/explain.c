// SPDX-License-Identifier: GPL-2.0
/* Plain words for promises; see explain.h. */
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "commit/bounds.h"
#include "commit/explain.h"

#define WORD 256

/* struct said - a key of the commitment, as em_commitment_say() has it */
struct said {
	char s[WORD];
};

static struct said say(const struct em_commitment *c, const char *key)
{
	struct said said;

	em_commitment_say(c, key, said.s, sizeof(said.s));
	return said;
}

__attribute__((format(printf, 2, 3))) static void put(json_t *list, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0) {
		text = NULL;
		return;
	}
	json_array_append_new(list, em_json_text(text));
}

/* --- what is promised -------------------------------------------------------------------- */

static const char *of_what(const struct em_commitment *c, char *out, size_t len)
{
	switch (c->of) {
	case EM_OF_CAPACITY:
		snprintf(out, len, "of all GPU time there is, idle or not");
		break;
	case EM_OF_FIXED:
		snprintf(out, len, "of a stock of %s that does not grow", say(c, "share").s);
		if (!c->amount)
			snprintf(out, len, "of a stock, %s, that does not grow", say(c, "of").s);
		break;
	case EM_OF_INSTALLED:
		snprintf(out, len, "of what the GPUs that were there at %.10s give in that time",
			 say(c, "of").s + strlen("installed-at("));
		break;
	case EM_OF_ALLOCATED:
		snprintf(out, len, "of GPU time as the scheduler allocated it");
		break;
	default:
		snprintf(out, len, "of used GPU time (idle time is not in it)");
	}
	return out;
}

static void put_share(json_t *list, const struct em_commitment *c)
{
	const char *least = c->kind == EM_FLOOR ? "At least" : "At most";
	char of[WORD + 64];

	if (c->amount)
		put(list, "%s %s are for %s.", least, say(c, "share").s,
		    em_purpose_name(c->purpose));
	else
		put(list, "%s %s %s is for %s.", least, say(c, "share").s,
		    of_what(c, of, sizeof(of)), em_purpose_name(c->purpose));
}

static void put_window(json_t *list, const struct em_commitment *c)
{
	static const char *const when[] = {
		[EM_ROLLING] = "It must hold at every moment, over the time before it",
		[EM_MONTH] = "It is judged when the period is over",
		[EM_QUARTER] = "It is judged when the period is over",
		[EM_YEAR] = "It is judged when the period is over",
		[EM_CUMULATIVE] = "It is judged once, when that time is over",
	};

	put(list, "%s: %s.", when[c->span.kind], say(c, "window").s);
}

static void put_growth(json_t *list, const struct em_commitment *c)
{
	put(list, "From one window to the next, %s does not grow by a larger factor than %s.",
	    em_purpose_name(c->purpose), em_purpose_name(c->than));
	put_window(list, c);
}

static void put_reallocate(json_t *list, const struct em_commitment *c)
{
	put(list, "The share of %s moves from %s, by %s; judged once, over the last %s.",
	    em_purpose_name(c->purpose), say(c, "to").s, say(c, "due").s,
	    say(c, "window").s + strlen("rolling "));
	if (c->displacement.den)
		put(list,
		    "At least %s of what it gains comes from other work that stopped, not from "
		    "GPUs that were added or idle.",
		    say(c, "displacement").s);
}

static void put_gate(json_t *list, const struct em_commitment *c)
{
	put(list,
	    "No %s work above%s%s%s%s%s begins without an approval that was signed before; counted "
	    "by ref, and by project in every 24 hours.",
	    em_purpose_name(c->purpose), c->gpus ? " " : "", c->gpus ? say(c, "gpus").s : "",
	    c->gpus ? " GPUs" : "", c->gpu_hours ? (c->gpus ? " or " : " ") : "",
	    c->gpu_hours ? say(c, "gpu_hours").s : "");
	put(list, "Signatures needed: %s. Who may sign: %s.", say(c, "approvals").s,
	    say(c, "approvers").s);
	put_window(list, c);
}

static void put_mixed(json_t *list, const struct em_commitment *c)
{
	static const char *const words[] = {
		[EM_MIXED_EXCLUDE] = "Work that helps both counts as used, and for nothing.",
		[EM_MIXED_INCLUDE] = "Work that helps both counts in full.",
		[EM_MIXED_UNRESOLVED] = "Work that helps both counts possibly, never surely.",
	};

	if (c->mixed == EM_MIXED_PART)
		put(list, "Of work that helps both, %s counts.", say(c, "mixed").s);
	else
		put(list, "%s", words[c->mixed]);
}

static void put_conditions(json_t *list, const struct em_commitment *c)
{
	if (c->kind != EM_GATE && c->purpose != EARMARK_PURPOSE_MIXED)
		put_mixed(list, c);
	if (c->when)
		put(list, "In force only after the event \"%s\".", say(c, "when").s);
	if (c->require_tagged_by > EARMARK_TAGGED_BY_SELF)
		put(list, "Tags count surely if set by %s or stronger.",
		    say(c, "require_tagged_by").s);
	if (c->min_coverage.num)
		put(list, "At least %s of the GPUs' time must have been seen.",
		    say(c, "min_coverage").s);
	if (c->min_total)
		put(list, "At least %s must have been used.", say(c, "min_total").s);
	if (strcmp(say(c, "scope").s, "everything"))
		put(list, "It covers: %s.", say(c, "scope").s);
	if (c->weights.n)
		put(list, "GPUs count by weight, %s by model.", say(c, "weights").s);
	put(list, "Not being able to show it for %s counts as a breach.", say(c, "prove_within").s);
	if (c->notice)
		put(list, "If it is weakened, this version is judged too for %s.",
		    say(c, "notice").s);
}

/* --- what is left open --------------------------------------------------------------------- */

static void open_shares(json_t *list, const struct em_commitment *c)
{
	if (c->of == EM_OF_FIXED || c->of == EM_OF_INSTALLED)
		put(list, "The stock stays what it is: if the fleet grows, this becomes a smaller "
			  "part of it. A fleet that doubles every year makes 20 %% of what there "
			  "was at the start 5.3 %% of four years' compute.");
	if (c->of == EM_OF_USED && c->kind == EM_FLOOR)
		put(list, "It says nothing of how much: a share is also kept by using less for "
			  "everything else.");
	if (!c->weights.n)
		put(list, "An hour of an old GPU counts as one of a new GPU.");
	if (c->span.kind != EM_ROLLING)
		put(list, "Within the period everything may be left for its end.");
	if (!c->min_total && c->kind == EM_FLOOR && !c->amount)
		put(list, "It can be kept with next to nothing in use (min_total).");
}

static void open_common(json_t *list, const struct em_commitment *c)
{
	if (!c->definitions)
		put(list, "What counts as %s is not defined: whoever tags decides (definitions).",
		    em_purpose_name(c->purpose));
	if (c->require_tagged_by <= EARMARK_TAGGED_BY_SELF)
		put(list, "Those who run the jobs may say themselves what they are for "
			  "(require_tagged_by).");
	if (!c->min_coverage.num)
		put(list, "Nothing asks how much of the time was seen (min_coverage).");
	if (!c->notice)
		put(list, "It can be weakened from one day to the next (notice).");
	if (!c->declared && c->kind != EM_REALLOCATE)
		put(list, "Since when it holds is not said (declared).");
	if (!c->by && !c->source)
		put(list, "Who promised it, and where, is not said (by, source).");
}

static void open_gate(json_t *list, const struct em_commitment *c)
{
	if (!c->approvers)
		put(list, "Anybody with a key may approve (approvers).");
	if (!c->external)
		put(list, "Nobody from outside has to agree (external).");
	put(list, "Who holds a key, and whether one person holds several, cannot be seen.");
	put(list, "Pieces under different projects and refs are not recognised as one run.");
}

json_t *em_commitment_explain(const struct em_commitment *c)
{
	json_t *promises = json_array(), *open = json_array();

	switch (c->kind) {
	case EM_GROWTH:
		put_growth(promises, c);
		put(open, "Both may shrink, and both may grow without end.");
		break;
	case EM_REALLOCATE:
		put_reallocate(promises, c);
		put(open, "What becomes of the share afterwards is not promised.");
		break;
	case EM_GATE:
		put_gate(promises, c);
		open_gate(open, c);
		break;
	default:
		put_share(promises, c);
		put_window(promises, c);
		open_shares(open, c);
	}
	put_conditions(promises, c);
	open_common(open, c);
	return json_pack("{s:o,s:o,s:o,s:o}", "name", em_json_text(c->name), "text",
			 em_json_text(c->text), "promises", promises, "open", open);
}
