/* SPDX-License-Identifier: GPL-2.0 */
/* Telling people: the journal, and the site's command. */
#ifndef EM_DELIVER_H
#define EM_DELIVER_H

#include <jansson.h>

/*
 * Tells of one transition; @alert as in em_alerts_json(). Never waits for the command, which
 * has the JSON on its standard input, EARMARK_ALERT_* in a clean environment and 30 seconds.
 * Return: 0, or why the command could not be started.
 */
int em_deliver(const json_t *alert, const char *command);

#endif
