/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a Kubernetes node says of the pods on it, from the kubelet's read-only API (GET /pods). It
 * is asked beside the loop, and only when somebody wants to know of a pod that is not known yet.
 */
#ifndef EM_DAEMON_PODS_H
#define EM_DAEMON_PODS_H

#include <stdint.h>

#include "rule/facts.h"

#define EM_POD_UID_LEN 64

struct em_pods;

/* @url: of the list of pods. 0 or -errno. */
int em_pods_open(struct em_pods **ret, const char *url);
void em_pods_close(struct em_pods *p);

/**
 * em_pods_find() - adds what is known of a pod: pod, namespace, labels, annotations
 * @uid: as em_pod_of_cgroup() gives it
 *
 * Never waits. Return: 0; -EAGAIN: it is being asked for, come back; -ENOENT: the node has no such
 * pod; -EHOSTUNREACH: nobody answers, and em_pods_error() says why; -ENOMEM.
 */
int em_pods_find(struct em_pods *p, const char *uid, struct em_facts *f);

/* How often the list was read: another number than before is a reason to ask again. */
uint64_t em_pods_read(struct em_pods *p);
/* Why nobody answered, into @out; "" = it did, or was not asked. Return: @out. */
const char *em_pods_error(struct em_pods *p, char *out, size_t len);

/*
 * em_pod_of_cgroup() - the UID of the pod that a cgroup is part of
 *
 * Both drivers' paths: /kubepods.slice/…-podUID.slice/…, with "_" for "-", and
 * /kubepods/…/podUID/…. Only below a first part that begins with "kubepods", which nobody but root
 * makes.
 *
 * Return: whether there is one; it is in @out.
 */
bool em_pod_of_cgroup(const char *path, char out[EM_POD_UID_LEN]);

#endif
