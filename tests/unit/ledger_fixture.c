// SPDX-License-Identifier: GPL-2.0
/*
 * ledger_fixture DIR MINUTES PERCENT - a ledger of two GPUs that ends now: for so many minutes
 * one job of alignment used so much of them, one of capabilities the rest. For behaviour scripts
 * on machines that have no GPU.
 */
#include "history.h"

int main(int argc, char **argv)
{
	uint64_t length = 10 * S, minutes, percent;
	struct history h;
	__u32 align, other;

	if (argc != 4)
		return 2;
	minutes = strtoull(argv[2], NULL, 10);
	percent = strtoull(argv[3], NULL, 10);
	history_open(&h, em_time_now() - (int64_t)minutes * 60 * S - S);
	history_gpu(&h, 1);
	history_gpu(&h, 2);
	align = history_job(&h, EARMARK_PURPOSE_ALIGNMENT, EARMARK_TAGGED_BY_SELF, "p", "/a");
	other = history_job(&h, EARMARK_PURPOSE_CAPABILITIES, EARMARK_TAGGED_BY_SELF, "q", "/c");
	for (uint64_t i = 0; i < minutes * 6; i++) {
		for (__u32 gpu = 1; gpu <= 2; gpu++) {
			uint64_t a = length / 100 * percent;

			history_use(&h, gpu, align, a, length, a);
			history_use(&h, gpu, other, length - a, length, length - a);
			history_rest(&h, gpu, length, 0, 0, 0);
		}
		history_seal(&h, length);
	}
	em_ledger_close(h.l);
	return rename(h.dir, argv[1]) ? 1 : 0;
}
