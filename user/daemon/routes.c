// SPDX-License-Identifier: GPL-2.0
/* The API's paths; what they take and give is said in api.h. */
#include <errno.h>
#include <grp.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/cgroup.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/view.h"

#define GROUP "earmark"

static int get_status(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		      char *err, size_t len)
{
	(void)peer;
	(void)body;
	(void)err;
	(void)len;
	*answer = em_view_status(arg);
	return 0;
}

static int get_jobs(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		    size_t len)
{
	(void)peer;
	(void)body;
	(void)err;
	(void)len;
	*answer = json_pack("{s:o}", "jobs", em_view_jobs(arg));
	return 0;
}

static int get_gpus(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		    size_t len)
{
	(void)peer;
	(void)body;
	(void)err;
	(void)len;
	*answer = json_pack("{s:o}", "gpus", em_view_gpus(arg));
	return 0;
}

static int get_sensors(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		       char *err, size_t len)
{
	(void)peer;
	(void)body;
	(void)err;
	(void)len;
	*answer = json_pack("{s:o}", "sensors", em_view_sensors(arg));
	return 0;
}

/* A string of the body's. @most 0: it must be absent or at most… any length. */
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

static int no_recorder(char *err, size_t len)
{
	snprintf(err, len, "nothing is recorded on this node, so nothing can be tagged");
	return -EAGAIN;
}

/* What is asked for, from the body; who asks, from the socket. */
static int parse_tag(struct earmark_event *e, const struct em_peer *peer, json_t *body,
		     const char **cgroup, char *err, size_t len)
{
	const char *purpose, *project, *ref, *by;
	int p, b, ret;

	ret = string(body, "cgroup", true, 4095, cgroup, err, len);
	ret = ret ?: string(body, "purpose", true, 63, &purpose, err, len);
	ret = ret ?: string(body, "project", false, EARMARK_PROJECT_LEN - 1, &project, err, len);
	ret = ret ?: string(body, "ref", false, EARMARK_REF_LEN - 1, &ref, err, len);
	ret = ret ?: string(body, "tagged_by", false, 63, &by, err, len);
	if (ret)
		return ret;
	p = em_purpose_parse(purpose);
	b = em_tagged_by_parse(by ?: "self");
	if (p < 0 || b <= EARMARK_TAGGED_BY_NOBODY) {
		snprintf(err, len, p < 0 ? "no such purpose" : "no such tagged_by");
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
		return no_recorder(err, len);
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
	struct em_cgroup c = { .fd = -1 };
	_cleanup_free_ char *view = NULL;
	const char *name;
	int ret = string(body, "name", true, EM_CGROUP_NAME_MAX, &name, err, len);

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
	ret = em_manager_seal(m, &number);
	if (ret) {
		snprintf(err, len, "%s", m->ledger_error[0] ? m->ledger_error : m->why);
		return ret;
	}
	*answer = json_pack("{s:I,s:s}", "number", (json_int_t)number, "load_id",
			    em_hex(hex, m->load_id, sizeof(m->load_id)));
	return 0;
}

struct wanted {
	const char *name;
	__u32 id;
};

static int find_gpu(const struct earmark_gpu_info *g, void *arg)
{
	struct wanted *w = arg;

	if (!strcmp(g->name, w->name))
		w->id = g->gpu;
	return 0;
}

static int post_retire(void *arg, const struct em_peer *peer, json_t *body, json_t **answer,
		       char *err, size_t len)
{
	struct em_manager *m = arg;
	struct wanted w = {};
	const char *reason;
	int ret = string(body, "name", true, EARMARK_NAME_LEN - 1, &w.name, err, len);

	ret = ret ?: string(body, "reason", true, EARMARK_TEXT_LEN - 1, &reason, err, len);
	if (ret)
		return ret;
	if (peer->uid) {
		snprintf(err, len, "only root may retire a GPU");
		return -EPERM;
	}
	if (m->source)
		m->source->ops->gpus(m->source, find_gpu, &w);
	if (w.id) {
		ret = m->source->ops->gpu_retire(m->source, w.id, reason);
		if (ret)
			snprintf(err, len, "%s", m->source->error);
	} else {
		ret = em_ledger_retire(m->ledger, w.name, reason, peer->uid);
		if (ret)
			snprintf(err, len, "%s",
				 ret == -ENOENT ? "no GPU of that name is known"
						: em_ledger_error(m->ledger));
	}
	if (!ret) {
		em_inventory_forget(&m->inventory, w.name);
		*answer = json_object();
	}
	return ret;
}

const struct em_route em_routes[] = {
	{ "GET", "/v1/status", get_status },
	{ "GET", "/v1/jobs", get_jobs },
	{ "GET", "/v1/gpus", get_gpus },
	{ "GET", "/v1/sensors", get_sensors },
	{ "POST", "/v1/tag", post_tag },
	{ "POST", "/v1/cgroup", post_cgroup },
	{ "POST", "/v1/seal", post_seal },
	{ "POST", "/v1/gpu/retire", post_retire },
	{},
};
