// SPDX-License-Identifier: GPL-2.0
/* How often the daemon looks; see manager.h. */
#include "base/time.h"
#include "daemon/manager.h"

#define TICK (2 * EM_NS_PER_S) /* sensors are looked at no less often */
#define AFTER_SEAL (10 * EM_NS_PER_MS)

/* At once if there is more; just after the next seal; at least each TICK, or period. */
uint64_t em_pace_us(const struct em_manager *m, int r)
{
	uint64_t longest = m->period < TICK ? m->period : TICK, now = em_time_monotonic();

	if (r > 0)
		return 0;
	if (!r && m->source && m->next_seal > now && m->next_seal - now + AFTER_SEAL < longest)
		return (m->next_seal - now + AFTER_SEAL) / 1000;
	return longest / 1000;
}
