/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's API: HTTP with JSON bodies over a unix socket, for containers, scripts and the
 * CLI. What a path takes and gives is said here once.
 *
 *   GET  /v1/status      how the node is measured, see below; open to all, like all GETs
 *   GET  /v1/jobs        {jobs: [job]} live jobs
 *   GET  /v1/gpus        {gpus: [gpu]} the inventory
 *   GET  /v1/sensors     {sensors: [sensor]}
 *   POST /v1/tag         {cgroup, purpose, [project, ref, tagged_by]} -> {tag, job, path}
 *	cgroup is a path as the caller sees it (relative: to where it sees cgroup2), or
 *	"self". tagged_by (default "self") other than self: root only. self: the caller can
 *	write its cgroup.procs, and it lies at or below the caller's own cgroup.
 *   POST /v1/cgroup      {name} -> {cgroup, path} makes a child of the caller's cgroup, gives
 *	it to the caller, and moves the calling process there. cgroup: as the caller sees it
 *   POST /v1/slurm       {cgroup, ref, [purpose, project] | [uid, account, qos, partition, wckey]}
 *	-> {tag, job, path} root: what Slurm knows of a job or step that begins. cgroup: from the
 *	root of the hierarchy. With a purpose: tagged as scheduler, unless that is so already.
 *	Without: tagged by the site's rule that matches; tag null: none does
 *   POST /v1/seal        {} -> {number, load_id} everything until now is sealed and stored;
 *	root and the socket's group. number 0: there is no recorder
 *   POST /v1/gpu/retire  {name, reason} -> {} root
 *   GET  /v1/deliveries  {deliveries: [delivery]} how alerts reach people (alert/deliver.h)
 *   POST /v1/alert/silence {name, for, author, reason} -> {name, until}; root and the daemon's user
 *   POST /v1/alert/test  {} -> {id} goes to every delivery, whose "test" then tells; likewise
 *   POST /v1/notes       {kind, note} -> {} root and the ledger's owner. kind: event, order,
 *	request, approval or audit; note: as commit/note.h says, with author and reason
 *   POST /v1/module      {action} root. release -> {load_id, tags, open, last_tag}: what stands is
 *	written down and the module let go; take -> {load_id, handover}: whichever is loaded
 *
 *   POST /v1/allocations {cgroup, action, [gpus, ref, at]} -> {job, path} root. action give: a
 *	scheduler gave these GPUs (names, or device numbers as "226:128") to the job; take: it took
 *	them back, without gpus all of them. cgroup: below the root of the hierarchy, or as the
 *	caller sees it; one that is gone has given back
 *
 * A failure is {"error": sentence, "code": "EPERM"} with status 4xx or 5xx.
 *
 *   status: schema "earmark-status-1", version, recorded_by (null: nobody), why (when so, or
 *	when what was asked for could not be had), boot_id, load_id, interval_us, open_since,
 *	last_sealed, last_stored, backlog, keep {used_bytes, bytes}, lost {counter: events},
 *	sensors [sensor], gpus [gpu], jobs (how many), alerts, deliveries, ledger {dir, error},
 *	commitments {file, error}, rules {file, rules (how many), error}, notices [sentence], module
 *{loaded, btf, meter, gpu_sched, hold, seeded, stretched} (null: not the recorder) sensor: name,
 *attached, why, runs, missed, recursion gpu: id, name, model, uuid, weight, meter, blind [name],
 *holders, engines, devnums
 *	["226:128"], since
 *   job: job (cgroup id, a string: 64 bits), path, uid, purpose, tagged_by, project, ref, tag,
 *	tag_job, own {tag, purpose, tagged_by}, since, gpus_held
 */
#ifndef EM_API_H
#define EM_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <jansson.h>

#define EM_API_SOCKET "/run/earmark/earmarkd.sock"
#define EM_API_STATUS_SCHEMA "earmark-status-1"
#define EM_API_BODY_MAX 65536

/* --- the client ------------------------------------------------------------------------ */

/**
 * em_api_call() - one request
 * @method: "GET" or "POST"; @body: for POST, borrowed, NULL = {}
 * @answer: new reference, on success
 * @err: on failure one sentence, the daemon's own where it answered
 *
 * Return: 0, or the failure's errno. -ENOENT, -ECONNREFUSED, -EACCES can also mean that no
 * daemon answers at that socket; @err says so.
 */
int em_api_call(const char *socket, const char *method, const char *path, json_t *body,
		json_t **answer, char *err, size_t len);

/* --- the server ------------------------------------------------------------------------ */

/**
 * struct em_peer - who asks, as the kernel says (SO_PEERCRED)
 * @pidfd: opened when the connection came, so that @pid stays this process; -1: it is gone
 * @socket: the connection
 */
struct em_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	int pidfd, socket;
};

bool em_peer_in_group(const struct em_peer *peer, gid_t gid); /* supplementary ones too */
bool em_peer_alive(const struct em_peer *peer);               /* @pid is still who connected */

/**
 * struct em_route - what the server calls
 * @run: @body is an object (empty for GET). 0 with *answer (a new reference), or -errno with a
 *	sentence in @err; the errno decides the HTTP status
 */
struct em_route {
	const char *method, *path;
	int (*run)(void *arg, const struct em_peer *peer, json_t *body, json_t **answer, char *err,
		   size_t len);
};

struct em_server;

/*
 * Serves @routes (ended by a NULL method) on @socket, which is made anew, mode 0666. Nothing
 * runs by itself: em_server_run() when em_server_fd() is readable or em_server_timeout_us() is
 * up. -EADDRINUSE: somebody serves there already.
 */
int em_server_open(struct em_server **s, const char *socket, const struct em_route *routes,
		   void *arg);
void em_server_close(struct em_server *s); /* removes the socket */
int em_server_fd(const struct em_server *s);
uint64_t em_server_timeout_us(const struct em_server *s); /* UINT64_MAX: none */
void em_server_run(struct em_server *s);

#endif
