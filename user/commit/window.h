/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which stretch of time a promise is judged over. Rolling windows end now; calendar and
 * cumulative ones have an end of their own, before which they are not due.
 */
#ifndef EM_WINDOW_H
#define EM_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum em_window_kind { EM_ROLLING, EM_MONTH, EM_QUARTER, EM_YEAR, EM_CUMULATIVE };

/**
 * struct em_window - as declared
 * @length: rolling: its length, ns; others: the nominal one
 * @from, @to: cumulative: instants, ns
 * @zone: calendar: a name of the tz database; "" = UTC
 */
struct em_window {
	enum em_window_kind kind;
	int64_t length, from, to;
	char zone[40];
};

/**
 * struct em_period - one window on the axis of time, ns
 * @due: when it is over; @until: min(@due, now)
 */
struct em_period {
	int64_t start, until, due;
};

/*
 * em_window_parse() - "rolling 28d", "calendar month [ZONE]", "cumulative FROM/TO"
 *
 * Return: 0, -EINVAL, or -ENOENT: no such zone on this machine.
 */
int em_window_parse(const char *s, struct em_window *ret);

/* As it is written in the language; into @out. */
const char *em_window_text(const struct em_window *w, char *out, size_t len);

/*
 * To be called before there are threads: afterwards the process's zone is only ever replaced, which
 * is safe beside threads that read the environment.
 */
void em_window_ready(void);

/* The period that @now lies in, or the cumulative one wherever @now is. */
struct em_period em_window_at(const struct em_window *w, int64_t now);

/* The calendar period before @p; rolling: the same length before it. */
struct em_period em_window_before(const struct em_window *w, const struct em_period *p);

#endif
