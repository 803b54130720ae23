/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's log: one line a message on stderr, with its priority where that is the journal. */
#ifndef EM_DAEMON_LOG_H
#define EM_DAEMON_LOG_H

#include <syslog.h>

/* Control characters of whoever's text is in it come out escaped. */
void em_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
