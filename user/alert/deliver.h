/* SPDX-License-Identifier: GPL-2.0 */
/* Telling people: the journal, and the site's command. */
#ifndef EM_DELIVER_H
#define EM_DELIVER_H

#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>

#define EM_DELIVER_SECONDS 30
#define EM_DELIVER_RUNNING 16

/* struct em_delivery - a command that is running; @deadline: CLOCK_MONOTONIC */
struct em_delivery {
	pid_t pid;
	uint64_t deadline;
	struct em_delivery *next;
};

void em_deliver_journal(const json_t *alert); /* as in em_alerts_json() */

/*
 * Starts @command and never waits for it: no shell, the alert's JSON on its standard input,
 * EARMARK_ALERT_* in a clean environment, EM_DELIVER_SECONDS to live.
 * Return: 0, or why it could not be started (-EAGAIN: too many are running).
 */
int em_deliver_command(const json_t *alert, const char *command, struct em_delivery **running);

/* One that ended goes out of the list, with 0 or a sentence about how it failed. 0: none did. */
int em_deliver_ended(struct em_delivery **running, char *why, size_t len);

void em_deliver_clear(struct em_delivery **running); /* they go on by themselves */

#endif
