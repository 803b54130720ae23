/* SPDX-License-Identifier: GPL-2.0 */
/* Instants and durations: nanoseconds inside, RFC 3339 UTC and "1h30m" outside. */
#ifndef EM_TIME_H
#define EM_TIME_H

#include <stddef.h>
#include <stdint.h>

#define EM_NS_PER_US 1000LL
#define EM_NS_PER_MS 1000000LL
#define EM_NS_PER_S 1000000000LL

#define EM_TIME_LEN 40     /* "2026-11-24T09:08:57.123456789Z" and to spare */
#define EM_DURATION_LEN 48 /* "106751d23h47m16s" and to spare */

int64_t em_time_now(void);        /* CLOCK_REALTIME */
uint64_t em_time_monotonic(void); /* CLOCK_MONOTONIC */

/* RFC 3339 in UTC with @digits (0-9) of the second's fraction, cut off. Return: @out. */
const char *em_time_format(char out[EM_TIME_LEN], int64_t ns, int digits);

/*
 * em_time_parse() - an instant as people write it
 *
 * RFC 3339 ("T" or a space; "Z" or an offset; fraction optional), without an offset UTC;
 * "2026-11-24" is that day's start; "now"; "2h ago"; "@SECONDS". Return: 0 or -EINVAL.
 */
int em_time_parse(const char *s, int64_t now, int64_t *ret_ns);

/* "90s", "1h30m", "28d", "500ms", "2w"; at most 292 years. Return: 0, -EINVAL or -ERANGE. */
int em_duration_parse(const char *s, int64_t *ret_ns);

/* The two largest units: "1h30m", "28d", "1.5s", "20ms". Return: @out. */
const char *em_duration_format(char out[EM_DURATION_LEN], int64_t ns);

#endif
