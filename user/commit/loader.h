/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the commitments' file: what its parts share. */
#ifndef EM_LOADER_H
#define EM_LOADER_H

#include <yaml.h>

#include "commit/commitment.h"

/* struct em_loader - what a refusal needs to say where; @file: its name or what stands for it */
struct em_loader {
	const char *file;
	yaml_document_t doc;
	char *err;
	size_t len;
};

/* "FILE:LINE:COLUMN: …" into the loader's err. Return: -EINVAL. */
int em_loader_refuse(struct em_loader *l, const yaml_node_t *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The text of a scalar, or NULL. */
const char *em_loader_text(const yaml_node_t *node);

/* keys.c: the keys of one commitment, in any order. 0 or -errno, refused. */
int em_loader_keys(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);

/* choice.c: values that are one of a few words. */
int em_loader_kind(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);
int em_loader_clock(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);
int em_loader_of(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);
int em_loader_mixed(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);

/* nested.c: values that are lists or mappings themselves. */
int em_loader_scope(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);
int em_loader_weights(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);
int em_loader_definitions(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);
int em_loader_approvers(struct em_loader *l, const yaml_node_t *node, struct em_commitment *c);

/* sane.c: what contradicts itself or another commitment of the list. 0 or -EINVAL, refused. */
int em_loader_sane(struct em_loader *l, const struct em_commitments *c);

/* value.c: exact values as people write them; 0 or -EINVAL. */
int em_value_fraction(const char *s, struct em_share *ret); /* "20%", "1/5", "0.2"; at most 1 */
int em_value_gpu_time(const char *s, em_ns *ret);           /* "1000 GPU-h": GPU-ns */
int em_value_whole(const char *s, unsigned int most, unsigned int *ret); /* 1 to @most */
int em_value_date(const char *s, int64_t *ret); /* a day or instant that stays where it is */

#endif
