/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands in EM_SENSOR_PIN_DIR: maps by name, links as link_PROGRAM, and `build`, which
 * says what they were made by.
 */
#ifndef EM_SENSOR_PIN_H
#define EM_SENSOR_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include "earmark.h"

/* struct em_pin_build - the value of the map `build`; another one is another build */
struct em_pin_build {
	__u8 programs[EARMARK_HASH_LEN]; /* SHA-256 of all objects */
	__u32 mode;                      /* enum em_sensor_mode */
	__u32 layout;                    /* EM_LAYOUT */
};

/* Makes the directory. Return: 0, or -errno with a sentence in @why. */
int em_pin_dir(char *why, size_t len);

/*
 * em_pin_claim() - keep what is of this build, remove what is not
 *
 * Links of another build go; maps stay if their layout is the same; the recorder's state
 * always stays, it carries the tags and knows its own layout.
 *
 * Return: 0; 1: maps that are laid out otherwise went; -errno.
 */
int em_pin_claim(const struct em_pin_build *build);

/* EM_SENSOR_PIN_DIR, or what EARMARK_PIN_DIR in the environment says instead. */
const char *em_pin_root(void);

int em_pin_path(char *out, size_t len, const char *prefix, const char *name);
bool em_pin_exists(const char *prefix, const char *name);
void em_pin_remove(const char *prefix, const char *name);
int em_pin_remove_all(bool (*which)(const char *name));

#endif
