/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers, durations and instants as exports write them: decimal text to integers, without
 * floating point. What does not fit the unit is rounded half to even.
 *
 * Functions return NULL, or why it could not be read: words that follow the value's name.
 */
#ifndef EM_REPLAY_VALUE_H
#define EM_REPLAY_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#define EM_PICO 1000000000000ULL /* GPUs are counted in 1e-12 */
#define EM_GPUS_MAX 1000000ULL   /* in one row */

/* "12", "0.5", "1.5e3" × 10^@decimals. @rounded (may be NULL) is set if digits were lost. */
const char *em_value_decimal(const char *s, int decimals, uint64_t max, uint64_t *ret,
			     bool *rounded);

/* GPUs in 1e-12. */
const char *em_value_gpus(const char *s, uint64_t *ret, bool *rounded);

/* "123.456" seconds or "[D-]HH:MM:SS[.frac]", to the microsecond; ns. */
const char *em_value_duration(const char *s, int64_t *ret_ns);

/*
 * RFC 3339, "YYYY-MM-DD HH:MM[:SS[.frac]]" or unix seconds; ns since 1970. An instant without
 * an offset is of the zone that em_zone_set() named, else UTC.
 */
const char *em_value_time(const char *s, int64_t *ret_ns);

/* A zone of the IANA's database, for the whole process. -ENOENT: there is no such zone. */
int em_zone_set(const char *name);

#endif
