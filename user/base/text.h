/* SPDX-License-Identifier: GPL-2.0 */
/* Text that others wrote, and bytes as hex. */
#ifndef EM_TEXT_H
#define EM_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * em_text_safe() - @s as it may be shown on a terminal or in a log
 *
 * Control characters and what is not UTF-8 become \xHH, a backslash \\; cut to fit, and then
 * it ends in "…". Return: @out.
 */
const char *em_text_safe(char *out, size_t len, const char *s);

/* Is it a label that may be stored: at most @max bytes of UTF-8, no control characters? */
bool em_text_label(const char *s, size_t max);

const char *em_hex(char *out, const void *bytes, size_t n); /* @out: 2 n + 1 bytes */
int em_unhex(void *bytes, size_t n, const char *hex);       /* exactly n bytes; 0 or -EINVAL */

/* @len digits, no sign, no leading zero, no overflow; 0 or -EINVAL */
int em_decimal_parse(const char *s, size_t len, uint64_t *ret);

const char *em_errno_name(int r); /* "EPERM" for EPERM or -EPERM */

#endif
