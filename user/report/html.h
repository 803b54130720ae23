/* SPDX-License-Identifier: GPL-2.0 */
/* What the page is put together from: files of the source tree, NUL-terminated. */
#ifndef EM_HTML_H
#define EM_HTML_H

extern const char em_asset_page[], em_asset_style[], em_asset_script[], em_asset_chart_style[],
	em_asset_chart_script[];

#endif
