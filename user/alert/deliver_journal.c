// SPDX-License-Identifier: GPL-2.0
/* Telling the journal; see deliver.h. */
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "base/json.h"
#include "alert/sink.h"
#include "base/text.h"

static int tell(struct em_sink *s, const json_t *entry, char *err, size_t len)
{
	const char *state = em_json_string(entry, "state"),
		   *severity = em_json_string(entry, "severity");
	int priority = strcmp(state, "firing")     ? LOG_NOTICE
		       : !strcmp(severity, "page") ? LOG_ERR
						   : LOG_WARNING;
	char name[512], summary[512];
	int r;

	(void)s;
	em_text_safe(name, sizeof(name), em_alert_subject(entry));
	em_text_safe(summary, sizeof(summary), em_json_string(entry, "summary"));
	r = sd_journal_send("MESSAGE=%s of %s is %s: %s", em_json_string(entry, "kind"), name,
			    state, summary, "PRIORITY=%i", priority, "SYSLOG_IDENTIFIER=earmarkd",
			    "EARMARK_COMMITMENT=%s", name, "EARMARK_ALERT_KIND=%s",
			    em_json_string(entry, "kind"), "EARMARK_ALERT_SEVERITY=%s", severity,
			    "EARMARK_ALERT_STATE=%s", state, "EARMARK_ALERT_ID=%s",
			    em_json_string(entry, "id"), "EARMARK_STATUS=%s",
			    em_json_string(entry, "status"), NULL);
	if (r < 0)
		snprintf(err, len, "the journal takes no entry: %s", strerror(-r));
	return r < 0 ? r : 0;
}

const struct em_sink_ops em_sink_journal = { "journal", false, tell };
