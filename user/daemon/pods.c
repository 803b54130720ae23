// SPDX-License-Identifier: GPL-2.0
/* The pods of a node; see pods.h. */
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/pods.h"

#define ANSWER_MAX (64u << 20)
#define TIMEOUT_S 5
#define EACH_S 1   /* between two questions at least */
#define RETRY_S 10 /* after one that nobody answered */
#define WANTED_MAX \
	65536 /* pods that were asked for; beyond, all are forgotten and asked for anew */

EM_CLEANUP(CURL *, curl_easy_cleanup);

/**
 * struct em_pods - the thread and what it read
 * @pods: uid -> the pod, as the last answer had it
 * @wanted: uid -> the number of the first question that was put after it was asked for
 * @begun, @ended: questions; @answered: how many of them were; @failed: the last was not
 * @ask: there is one to be put
 */
struct em_pods {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	char *url;
	json_t *pods, *wanted;
	uint64_t begun, ended, answered;
	bool ask, failed, stop;
	char error[256];
};

/* --- paths --------------------------------------------------------------------------------- */

static bool is_uid(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!strchr("0123456789abcdefABCDEF-_", s[i]))
			return false;
	}
	return n >= 8 && n < EM_POD_UID_LEN;
}

/* Where in a part of the path the UID is, or NULL. */
static const char *uid_in(const char *part, size_t n, size_t *len)
{
	static const char slice[] = ".slice", mark[] = "-pod";
	const char *at = NULL;

	if (n > strlen(slice) && !strncmp(part + n - strlen(slice), slice, strlen(slice))) {
		n -= strlen(slice);
		for (const char *p = part; p + strlen(mark) < part + n; p++)
			at = strncmp(p, mark, strlen(mark)) ? at : p + strlen(mark);
	} else if (!strncmp(part, "pod", 3)) {
		at = part + 3;
	}
	*len = at ? (size_t)(part + n - at) : 0;
	return at && is_uid(at, *len) ? at : NULL;
}

bool em_pod_of_cgroup(const char *path, char out[EM_POD_UID_LEN])
{
	const char *part = path + strspn(path, "/");

	if (strncmp(part, "kubepods", strlen("kubepods")))
		return false;
	for (; *part; part += strspn(part, "/")) {
		size_t n = strcspn(part, "/"), len;
		const char *uid = uid_in(part, n, &len);

		if (uid) {
			snprintf(out, EM_POD_UID_LEN, "%.*s", (int)len, uid);
			for (char *c = out; *c; c++)
				*c = *c == '_' ? '-' : *c;
			return true;
		}
		part += n;
	}
	return false;
}

/* --- the question -------------------------------------------------------------------------- */

/* struct answer - as it comes in */
struct answer {
	char *text;
	size_t n;
};

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	char *more;

	n *= size;
	if (n > ANSWER_MAX - a->n)
		return 0;
	more = realloc(a->text, a->n + n + 1);
	if (!more)
		return 0;
	a->text = more;
	memcpy(a->text + a->n, data, n);
	a->n += n;
	return n;
}

static int interrupted(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct em_pods *p = arg;
	int stop;

	(void)a, (void)b, (void)c, (void)d;
	pthread_mutex_lock(&p->lock);
	stop = p->stop;
	pthread_mutex_unlock(&p->lock);
	return stop;
}

/* 0, or -EIO with @error. */
static int get(struct em_pods *p, struct answer *a, char *error, size_t len)
{
	_cleanup_(curl_easy_cleanupp) CURL *curl = curl_easy_init();
	long status = 0;
	CURLcode rc;

	if (!curl)
		return -ENOMEM;
	curl_easy_setopt(curl, CURLOPT_URL, p->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); /* it is on this node */
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "earmarkd/" EARMARK_RELEASE);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, interrupted);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, p);
	rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK && status == 200)
		return 0;
	if (rc == CURLE_OK)
		snprintf(error, len, "it answered with status %ld", status);
	else
		snprintf(error, len, "%s", curl_easy_strerror(rc));
	return -EIO;
}

/*
 * By the UIDs that cgroups are named by: of a pod from a file on the node that is not the pod's own
 * in the cluster, but stands in an annotation.
 */
static json_t *by_uid(const json_t *list)
{
	json_t *out = json_object(), *pod;
	size_t i;

	json_array_foreach(json_object_get(list, "items"), i, pod) {
		json_t *meta = json_object_get(pod, "metadata");
		const char *hash = em_json_string(json_object_get(meta, "annotations"),
						  "kubernetes.io/config.hash");
		const char *uid = em_json_string(meta, "uid");

		if (*hash)
			json_object_set(out, hash, meta);
		if (*uid)
			json_object_set(out, uid, meta);
	}
	return out;
}

/* The pods that there are; NULL: they could not be read, and @error says why. */
static json_t *ask(struct em_pods *p, char *error, size_t len)
{
	struct answer a = { 0 };
	_cleanup_json_ json_t *list = NULL;
	int r = get(p, &a, error, len);

	if (!r)
		list = json_loadb(a.text ?: "", a.n, 0, NULL);
	free(a.text);
	if (!r && !json_is_array(json_object_get(list, "items"))) {
		snprintf(error, len, "it answered with something that is no list of pods");
		return NULL;
	}
	return r ? NULL : by_uid(list);
}

/* --- the thread ---------------------------------------------------------------------------- */

/* With the lock, which is let go of meanwhile. */
static void put(struct em_pods *p)
{
	char error[sizeof(p->error)] = "out of memory";
	json_t *pods;

	p->ask = false;
	p->begun++;
	pthread_mutex_unlock(&p->lock);
	pods = ask(p, error, sizeof(error));
	pthread_mutex_lock(&p->lock);
	p->ended++;
	p->failed = !pods;
	p->answered += !!pods;
	snprintf(p->error, sizeof(p->error), "%s", pods ? "" : error);
	if (pods) {
		json_decref(p->pods);
		p->pods = pods;
	}
}

static void pause_for(struct em_pods *p, int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	while (!p->stop && !pthread_cond_timedwait(&p->wake, &p->lock, &until))
		;
}

/* What failed is tried again: whoever was not known then may be known now. */
static void *run(void *arg)
{
	struct em_pods *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		if (!p->ask && !p->failed) {
			pthread_cond_wait(&p->wake, &p->lock);
			continue;
		}
		put(p);
		pause_for(p, p->failed ? RETRY_S : EACH_S);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int em_pods_open(struct em_pods **ret, const char *url)
{
	struct em_pods *p = calloc(1, sizeof(*p));
	pthread_condattr_t monotonic;
	int r;

	if (!p)
		return -ENOMEM;
	curl_global_init(CURL_GLOBAL_DEFAULT); /* before there is another thread */
	p->url = strdup(url);
	p->pods = json_object();
	p->wanted = json_object();
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r = p->url && p->pods && p->wanted ? -pthread_create(&p->thread, NULL, run, p) : -ENOMEM;
	if (r) {
		p->stop = true;
		p->thread = 0;
		em_pods_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

void em_pods_close(struct em_pods *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	if (p->thread)
		pthread_join(p->thread, NULL);
	json_decref(p->pods);
	json_decref(p->wanted);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p->url);
	free(p);
}

/* --- the answer ---------------------------------------------------------------------------- */

static int add_pairs(struct em_facts *f, enum em_rule_key key, const json_t *pairs)
{
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach((json_t *)pairs, name, value) {
		_cleanup_free_ char *pair = NULL;

		if (r || !json_is_string(value))
			continue;
		r = asprintf(&pair, "%s=%s", name, json_string_value(value)) < 0 ? -ENOMEM : 0;
		r = r ?: em_facts_add(f, key, pair);
	}
	return r;
}

static int add_pod(struct em_facts *f, const json_t *meta)
{
	int r = em_facts_add(f, EM_RULE_POD, em_json_string(meta, "name"));

	r = r ?: em_facts_add(f, EM_RULE_NAMESPACE, em_json_string(meta, "namespace"));
	r = r ?: add_pairs(f, EM_RULE_LABEL, json_object_get(meta, "labels"));
	return r ?: add_pairs(f, EM_RULE_ANNOTATION, json_object_get(meta, "annotations"));
}

/* It is asked for after now, once: what was read before may not have had it yet. */
static int want(struct em_pods *p, const char *uid)
{
	const json_t *since = json_object_get(p->wanted, uid);

	if (!since) {
		if (json_object_size(p->wanted) >= WANTED_MAX)
			json_object_clear(p->wanted);
		json_object_set_new(p->wanted, uid, json_integer((json_int_t)p->begun + 1));
		p->ask = true;
		pthread_cond_broadcast(&p->wake);
		return -EAGAIN;
	}
	if ((json_int_t)p->ended < json_integer_value(since))
		return -EAGAIN;
	if (p->failed)
		return -EHOSTUNREACH;
	return -ENOENT;
}

int em_pods_find(struct em_pods *p, const char *uid, struct em_facts *f)
{
	const json_t *pod;
	int r;

	pthread_mutex_lock(&p->lock);
	pod = json_object_get(p->pods, uid);
	r = pod ? add_pod(f, pod) : want(p, uid);
	pthread_mutex_unlock(&p->lock);
	return r;
}

uint64_t em_pods_read(struct em_pods *p)
{
	uint64_t n;

	pthread_mutex_lock(&p->lock);
	n = p->answered;
	pthread_mutex_unlock(&p->lock);
	return n;
}

const char *em_pods_error(struct em_pods *p, char *out, size_t len)
{
	pthread_mutex_lock(&p->lock);
	snprintf(out, len, "%s", p->error);
	pthread_mutex_unlock(&p->lock);
	return out;
}
