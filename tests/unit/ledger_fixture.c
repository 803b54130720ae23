// SPDX-License-Identifier: GPL-2.0
/*
 * ledger_fixture DIR MINUTES PERCENT [ALLOCATED] - a ledger of two GPUs that ends now: for so many
 * minutes one job of alignment used so much of them, one of capabilities the rest. For behaviour
 * scripts on machines that have no GPU. ALLOCATED: of the first GPU, a scheduler had given so much
 * of the time to alignment, and all of the second to the other.
 */
#include "history.h"

int main(int argc, char **argv)
{
	uint64_t length = 10 * S, minutes, percent;
	struct history h;
	struct em_allocated given[2];
	__u32 align, other;

	if (argc < 4 || argc > 5)
		return 2;
	minutes = strtoull(argv[2], NULL, 10);
	percent = strtoull(argv[3], NULL, 10);
	history_open(&h, em_time_now() - (int64_t)minutes * 60 * S - S);
	history_gpu(&h, 1);
	history_gpu(&h, 2);
	align = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	other = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "q", "/c");
	given[0] = (struct em_allocated){ align, 1, align, 0 };
	given[1] = (struct em_allocated){ other, 2, other, 0 };
	for (uint64_t i = 0; i < minutes * 6; i++) {
		for (__u32 gpu = 1; gpu <= 2; gpu++) {
			uint64_t a = length / 100 * percent;

			history_use(&h, gpu, align, a, length, a);
			history_use(&h, gpu, other, length - a, length, length - a);
			history_rest(&h, gpu, length, 0, 0, 0);
		}
		given[0].ns = length / 100 * (argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
		given[1].ns = length;
		history_seal_with(&h, length, given, argc > 4 ? 2 : 0);
	}
	em_ledger_close(h.l);
	return rename(h.dir, argv[1]) ? 1 : 0;
}
