// SPDX-License-Identifier: GPL-2.0
/* Text that others wrote; see text.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Return: bytes of the well-formed, printable character at @s, 0 if it is none. */
static size_t character(const unsigned char *s)
{
	size_t n = *s < 0x80         ? 1
		   : (*s >> 5) == 6  ? 2
		   : (*s >> 4) == 14 ? 3
		   : (*s >> 3) == 30 ? 4
				     : 0;
	unsigned int c;

	if (n <= 1)
		return n && *s >= 0x20 && *s != 0x7f;
	c = *s & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* overlong, surrogates, past Unicode, C1 controls, and what turns the line around */
	if (c < (n == 2   ? 0x80u
		 : n == 3 ? 0x800u
			  : 0x10000u) ||
	    c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || c < 0xa0 ||
	    (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

const char *em_text_safe(char *out, size_t len, const char *s)
{
	static const char cut[] = "…";
	size_t at = 0, fits = 0;

	if (!len)
		return out;
	while (*s) {
		size_t n = character((const unsigned char *)s), need;
		char piece[5];

		if (!n || *s == '\\') {
			need = *s == '\\' ? 2 : 4;
			snprintf(piece, sizeof(piece), *s == '\\' ? "\\\\" : "\\x%02x",
				 (unsigned char)*s);
			n = 1;
		} else {
			memcpy(piece, s, n);
			need = n;
		}
		if (at + need >= len) {
			if (fits + sizeof(cut) <= len) {
				memcpy(out + fits, cut, sizeof(cut));
				return out;
			}
			break;
		}
		memcpy(out + at, piece, need);
		at += need;
		if (at + sizeof(cut) <= len)
			fits = at;
		s += n;
	}
	out[at] = '\0';
	return out;
}

bool em_text_label(const char *s, size_t max)
{
	if (strlen(s) > max)
		return false;
	while (*s) {
		size_t n = character((const unsigned char *)s);

		if (!n)
			return false;
		s += n;
	}
	return true;
}

const char *em_hex(char *out, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 * i, "%02x", b[i]);
	out[2 * n] = '\0';
	return out;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int em_unhex(void *bytes, size_t n, const char *hex)
{
	unsigned char *b = bytes;

	if (strlen(hex) != 2 * n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		b[i] = (unsigned char)(hi << 4 | lo);
	}
	return 0;
}

const char *em_errno_name(int r)
{
	const char *name = strerrorname_np(abs(r));

	return name ? name : "EUNKNOWN";
}

int em_decimal_parse(const char *s, size_t len, uint64_t *ret)
{
	uint64_t n = 0;

	if (!len || (len > 1 && *s == '0'))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(s[i] - '0'), &n))
			return -EINVAL;
	}
	*ret = n;
	return 0;
}
