// SPDX-License-Identifier: GPL-2.0
/* Products of two 128-bit numbers divided by a third; see exact.h. */
#include "probe/exact.h"

struct wide {
	em_ns high, low;
};

static struct wide multiply(em_ns a, em_ns b)
{
	em_ns mask = (em_ns)UINT64_MAX;
	em_ns ll = (a & mask) * (b & mask), lh = (a & mask) * (b >> 64);
	em_ns hl = (a >> 64) * (b & mask), hh = (a >> 64) * (b >> 64);
	em_ns middle = (ll >> 64) + (lh & mask) + (hl & mask);

	return (struct wide){ hh + (lh >> 64) + (hl >> 64) + (middle >> 64),
			      (middle << 64) | (ll & mask) };
}

/* Shift and subtract; the remainder can need one bit more than there are: @carry. */
static em_ns divide(struct wide w, em_ns c)
{
	em_ns quotient = 0, rest = w.high;
	bool round;

	for (int i = 0; i < 128; i++) {
		bool carry = rest >> 127;

		rest = (rest << 1) | (w.low >> 127);
		w.low <<= 1;
		quotient <<= 1;
		if (carry || rest >= c) {
			rest -= c;
			quotient |= 1;
		}
	}
	round = rest >= c - rest && rest;
	return round && quotient != ~(em_ns)0 ? quotient + 1 : quotient;
}

em_ns em_muldiv(em_ns a, em_ns b, em_ns c)
{
	struct wide w = multiply(a, b);

	return w.high >= c ? ~(em_ns)0 : divide(w, c);
}

json_int_t em_delta_us(em_delta ns)
{
	return ns < 0 ? -em_us((em_ns)-ns) : em_us((em_ns)ns);
}

double em_ratio(em_ns num, em_ns den)
{
	return den ? (double)num / (double)den : 0;
}
