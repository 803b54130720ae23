// SPDX-License-Identifier: GPL-2.0
/* The API's paths; what they take and give is said in api.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "commit/note.h"
#include "daemon/cgroup.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/routes_alert.h"
#include "daemon/routes_module.h"
#include "daemon/routes_slurm.h"
#include "daemon/routes_allocation.h"
#include "daemon/routes_gpu.h"
#include "daemon/view.h"

#define GROUP "earmark"

/* GETs are open to all and take nothing: each is a view of the manager. */
#define GET(name, view)                                                                       \
	static int name(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, \
			char *err, size_t len)                                                \
	{                                                                                     \
		(void)peer;                                                                   \
		(void)body;                                                                   \
		(void)err;                                                                    \
		(void)len;                                                                    \
		*answer = view;                                                               \
		return 0;                                                                     \
	}

GET(get_status, em_view_status(arg))
GET(get_jobs, json_pack("{s:o}", "jobs", em_view_jobs(arg)))
GET(get_gpus, json_pack("{s:o}", "gpus", em_view_gpus(arg)))
GET(get_sensors, json_pack("{s:o}", "sensors", em_view_sensors(arg)))

/* A string of the body's, at most @most bytes; NULL if it may be absent and is. */
static int string(json_t *body, const char *key, bool needed, size_t most, const char **out,
		  char *err, size_t len)
{
	json_t *v = json_object_get(body, key);

	*out = json_string_value(v);
	if ((v && !json_is_null(v) && !*out) || (needed && !*out)) {
		snprintf(err, len, "\"%s\" must be a string", key);
		return -EINVAL;
	}
	if (*out && !em_text_label(*out, most)) {
		snprintf(err, len, "\"%s\" must be at most %zu bytes of printable UTF-8", key,
			 most);
		return -EINVAL;
	}
	return 0;
}

/* A key that means nothing is a typing mistake, and may have been meant to matter. */
static int only(json_t *body, const char *const *known, char *err, size_t len)
{
	const char *key;
	json_t *value;
	char safe[64];

	json_object_foreach(body, key, value) {
		size_t i = 0;

		while (known[i] && strcmp(known[i], key))
			i++;
		if (known[i])
			continue;
		snprintf(err, len, "\"%s\" is no key of this request",
			 em_text_safe(safe, sizeof(safe), key));
		return -EINVAL;
	}
	return 0;
}

static int no_recorder(const struct em_manager *m, char *err, size_t len)
{
	snprintf(err, len, "nothing is recorded on this node, so nothing can be tagged: %s",
		 m->why);
	return -ENODEV;
}

static void comm_of(const struct em_peer *peer, char *out, size_t len)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", peer->pid);
	if (em_file_line(AT_FDCWD, path, out, len) || !em_peer_alive(peer))
		out[0] = '\0';
}

/* What is asked for, from the body; who asks, from the socket. */
static int parse_tag(struct earmark_event *e, const struct em_peer *peer, json_t *body,
		     const char **cgroup, char *err, size_t len)
{
	static const char *const keys[] = {
		"cgroup", "purpose", "project", "ref", "tagged_by", NULL
	};
	const char *purpose, *project, *ref, *by;
	int p, b, ret = only(body, keys, err, len);

	ret = ret ?: string(body, "cgroup", true, 4095, cgroup, err, len);
	ret = ret ?: string(body, "purpose", true, 63, &purpose, err, len);
	ret = ret ?: string(body, "project", false, EARMARK_PROJECT_LEN - 1, &project, err, len);
	ret = ret ?: string(body, "ref", false, EARMARK_REF_LEN - 1, &ref, err, len);
	ret = ret ?: string(body, "tagged_by", false, 63, &by, err, len);
	if (ret)
		return ret;
	p = em_purpose_parse(purpose);
	b = em_tagged_by_parse(by ?: "self");
	if (p < 0 || b <= EARMARK_TAGGED_BY_NOBODY) {
		snprintf(err, len, "%s",
			 p < 0 ? "purpose: alignment, capabilities, mixed, serving, infrastructure "
				 "or untagged"
			       : "tagged_by: self, rule, scheduler or operator");
		return -EINVAL;
	}
	*e = (struct earmark_event){
		.type = EARMARK_EVENT_TAG,
		.purpose = (__u8)p,
		.tagged_by = (__u8)b,
		.uid = peer->uid,
		.gid = peer->gid,
		.pid = (__u32)peer->pid,
	};
	snprintf(e->project, sizeof(e->project), "%s", project ?: "");
	snprintf(e->ref, sizeof(e->ref), "%s", ref ?: "");
	comm_of(peer, e->comm, sizeof(e->comm));
	return 0;
}

static int post_tag(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		    size_t len)
{
	struct em_manager *m = arg;
	struct em_cgroup c = { .fd = -1 };
	struct earmark_event e;
	const char *cgroup;
	char id[24];
	__u32 tag;
	int ret = parse_tag(&e, peer, body, &cgroup, err, len);

	if (ret)
		return ret;
	if (!m->source)
		return no_recorder(m, err, len);
	if (peer->uid && e.tagged_by != EARMARK_TAGGED_BY_SELF) {
		snprintf(err, len, "only root may tag as rule, scheduler or operator");
		return -EPERM;
	}
	ret = em_cgroup_open(&c, peer, cgroup, err, len);
	if (!ret && peer->uid)
		ret = em_cgroup_may_tag(&c, peer, err, len);
	if (!ret) {
		ret = m->source->ops->tag(m->source, c.fd, &e, &tag);
		if (ret)
			snprintf(err, len, "%s", m->source->error);
	}
	if (!ret) {
		snprintf(id, sizeof(id), "%llu", (unsigned long long)c.id);
		*answer = json_pack("{s:I,s:s,s:s}", "tag", (json_int_t)tag, "job", id, "path",
				    c.path);
	}
	em_cgroup_close(&c);
	return ret;
}

static int post_cgroup(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		       char *err, size_t len)
{
	static const char *const keys[] = { "name", NULL };
	struct em_cgroup c = { .fd = -1 };
	_cleanup_free_ char *view = NULL;
	const char *name;
	int ret = only(body, keys, err, len);

	ret = ret ?: string(body, "name", true, EM_CGROUP_NAME_MAX, &name, err, len);

	(void)arg;
	if (ret)
		return ret;
	ret = em_cgroup_make(&c, peer, name, &view, err, len);
	if (ret)
		return ret;
	*answer = json_pack("{s:s,s:s}", "cgroup", view, "path", c.path);
	em_cgroup_close(&c);
	return 0;
}

static bool trusted(const struct em_peer *peer)
{
	const struct group *g = getgrnam(GROUP);

	return !peer->uid || (g && em_peer_in_group(peer, g->gr_gid));
}

static int post_seal(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		     char *err, size_t len)
{
	struct em_manager *m = arg;
	char hex[33];
	__u64 number;
	int ret;

	(void)body;
	if (!trusted(peer)) {
		snprintf(err, len, "only root and the group " GROUP " may seal an interval");
		return -EPERM;
	}
	ret = em_intake_seal(m, &number, err, len);
	if (ret)
		return ret;
	*answer = json_pack("{s:I,s:s}", "number", (json_int_t)number, "load_id",
			    em_hex(hex, m->load_id, sizeof(m->load_id)));
	return 0;
}

static int retire(struct em_manager *m, const struct em_peer *peer, const char *name,
		  const char *reason, char *err, size_t len)
{
	struct earmark_gpu_info gpu = { .gpu = 0 };
	int ret;

	if (m->source)
		em_source_gpu(m->source, name, &gpu);
	if (gpu.gpu && !(gpu.blind & EARMARK_BLIND_ABSENT)) {
		snprintf(err, len,
			 "%s is in use by its driver: unbind that first, or it would be "
			 "back at once",
			 name);
		return -EBUSY;
	}
	if (gpu.gpu) {
		ret = m->source->ops->gpu_retire(m->source, gpu.gpu, reason);
		if (ret)
			snprintf(err, len, "%s", m->source->error);
		return ret;
	}
	ret = em_ledger_retire(m->ledger, name, reason, peer->uid);
	if (ret)
		snprintf(err, len, "%s", em_ledger_error(m->ledger));
	return ret;
}

static int post_retire(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		       char *err, size_t len)
{
	static const char *const keys[] = { "name", "reason", NULL };
	struct em_manager *m = arg;
	const char *name, *reason;
	int ret = only(body, keys, err, len);

	ret = ret ?: string(body, "name", true, EARMARK_NAME_LEN - 1, &name, err, len);
	ret = ret ?: string(body, "reason", true, EARMARK_TEXT_LEN - 1, &reason, err, len);
	if (ret)
		return ret;
	if (peer->uid) {
		snprintf(err, len, "only root may retire a GPU");
		return -EPERM;
	}
	ret = retire(m, peer, name, reason, err, len);
	if (ret)
		return ret;
	em_inventory_forget(&m->inventory, name);
	*answer = json_object();
	return 0;
}

/* Who may write the ledger may write the record: root, or who owns it. */
static int post_notes(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		      char *err, size_t len)
{
	static const char *const keys[] = { "kind", "note", NULL };
	struct em_manager *m = arg;
	const char *kind;
	json_t *note = json_object_get(body, "note");
	struct stat st;
	int ret = only(body, keys, err, len);

	ret = ret ?: string(body, "kind", true, 63, &kind, err, len);
	if (ret)
		return ret;
	if (peer->uid && (stat(m->config->ledger, &st) || st.st_uid != peer->uid)) {
		snprintf(err, len, "only root and the ledger's owner may write its record");
		return -EPERM;
	}
	ret = em_note_check(kind, note, err, len);
	if (ret)
		return ret;
	ret = em_note_write(m->ledger, kind, note, peer->uid);
	if (ret)
		snprintf(err, len, "%s", em_ledger_error(m->ledger));
	else
		*answer = json_object();
	return ret;
}

const struct em_route em_routes[] = {
	/* open to all */
	{ "GET", "/v1/status", get_status },
	{ "GET", "/v1/jobs", get_jobs },
	{ "GET", "/v1/gpus", get_gpus },
	{ "GET", "/v1/sensors", get_sensors },
	/* each says who may */
	{ "POST", "/v1/tag", post_tag },
	{ "POST", "/v1/cgroup", post_cgroup },
	{ "POST", "/v1/seal", post_seal },
	{ "POST", "/v1/gpu/add", em_route_gpu_add },
	{ "POST", "/v1/gpu/retire", post_retire },
	{ "POST", "/v1/work", em_route_work },
	{ "GET", "/v1/deliveries", em_route_deliveries },
	{ "POST", "/v1/alert/silence", em_route_silence },
	{ "POST", "/v1/alert/test", em_route_alert_test },
	{ "POST", "/v1/notes", post_notes },
	{ "POST", "/v1/module", em_route_module },
	{ "POST", "/v1/slurm", em_route_slurm },
	{ "POST", "/v1/allocations", em_route_allocations },
	{},
};
