/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shows the document that is in this file. Everything in it is text that others may have written:
 * it reaches the page as text nodes only, never as markup. Whatever has no value is said in words.
 */
"use strict";
(() => {
const doc = JSON.parse(document.getElementById("document").textContent);
const main = document.getElementById("main");

/* --- elements ------------------------------------------------------------------------------ */

/* el("p.soft", …) - children are elements or text */
function el(name, ...children) {
	const [tag, ...classes] = name.split(".");
	const e = document.createElement(tag);

	if (classes.length)
		e.className = classes.join(" ");
	e.append(...children.filter((c) => c !== null && c !== undefined).map((c) =>
		c instanceof Node ? c : String(c)));
	return e;
}

function svg(tag, attributes, ...children) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", tag);

	for (const [k, v] of Object.entries(attributes))
		e.setAttribute(k, v);
	e.append(...children);
	return e;
}

let sections = 0;

function section(title, ...lead) {
	const id = sections++ ? "part-" + sections : "verdicts";
	const s = el("section", Object.assign(el("h2", title), { id: id, tabIndex: -1 }),
		...lead.map((t) => t instanceof Node ? t : el("p", t)));
	const a = el("a", title);

	a.href = "#" + id;
	document.getElementById("contents").append(el("li", a));
	s.setAttribute("aria-labelledby", id);
	main.append(s);
	return s;
}

const TABLE_ROWS = 2000;

/* @columns: [title, kind]; @rows: arrays of values */
function table(caption, columns, rows) {
	const head = el("tr", ...columns.map(([title, kind]) => {
		const th = el(NUMERIC.has(kind) ? "th.n" : "th", title);

		th.scope = "col";
		return th;
	}));
	const body = rows.slice(0, TABLE_ROWS).map((row) => el("tr", ...row.map((v, i) =>
		el(NUMERIC.has(columns[i][1]) ? "td.n" : "td", show(v, columns[i][1])))));
	const more = rows.length > TABLE_ROWS ? ` The first ${TABLE_ROWS} of ${rows.length} rows.` : "";
	const box = el("div.scroll", el("table", el("caption", caption + more), el("thead", head),
		el("tbody", ...body)));

	box.tabIndex = 0;
	box.setAttribute("role", "region");
	box.setAttribute("aria-label", caption);
	return box;
}

/* Made when it is first opened: a page with much in it still opens at once. */
function folded(title, make) {
	const d = el("details", el("summary", title));

	d.addEventListener("toggle", () => {
		if (d.open && !d.made) {
			d.made = true;
			d.append(make());
		}
	});
	return d;
}

/* --- figures ------------------------------------------------------------------------------- */

const NUMERIC = new Set(["gpu-time", "share", "real", "duration", "count", "part", "gpus"]);
const HOUR = 3.6e9;

function digits(x, n) {
	return x.toLocaleString("en", { maximumFractionDigits: n, minimumFractionDigits: n });
}

const fixed = (x, n) => Number.isFinite(x) ? digits(x, n) : "unknown";
const percent = (x) => Number.isFinite(x) ? digits(100 * x, 2) + " %" : "undefined";
const ratio = (s) => s && s.den > 0 ? s.num / s.den : NaN;

/* Like 0.5 GPU-hours, 1,234 GPU-hours. */
function hours(us) {
	if (!Number.isFinite(us))
		return "unknown";
	return digits(us / HOUR, us && Math.abs(us) < 100 * HOUR ? 2 : 0) + " GPU-hours";
}

function duration(us) {
	const units = [[86400e6, "days"], [3600e6, "hours"], [60e6, "minutes"], [1e6, "seconds"]];

	if (!Number.isFinite(us))
		return "unknown";
	for (const [size, name] of units)
		if (Math.abs(us) >= size)
			return digits(us / size, 1) + " " + name;
	return digits(us / 1e6, us ? 3 : 0) + " seconds";
}

function instant(s, seconds) {
	const d = new Date(typeof s === "number" ? s * 1000 : s);

	if (Number.isNaN(d.getTime()))
		return "unknown";
	return d.toISOString().slice(0, seconds ? 19 : 16).replace("T", " ") + " UTC";
}

function show(v, kind) {
	if (v === null || v === undefined || v === "")
		return kind === "text" ? "" : "–";
	switch (kind) {
	case "gpu-time": return hours(v);
	case "share": return percent(ratio(v));
	case "part": return percent(v);
	case "real": return Number.isFinite(v) ? String(+v.toPrecision(4)) : "unknown";
	case "gpus": return fixed(v, 2);
	case "duration": return duration(v);
	case "time": return instant(v);
	case "count": return fixed(v, 0);
	default: return typeof v === "object" ? [].concat(v).join(", ") : String(v);
	}
}

function between(low, high) {
	const a = percent(low), b = percent(high);

	if (a === "undefined" && b === "undefined")
		return "undefined (nothing to divide by)";
	return a === b ? "exactly " + a : `between ${a} (proven) and ${b} (possible)`;
}

/* --- colours ------------------------------------------------------------------------------- */

const PARTS = ["alignment", "capabilities", "mixed", "serving", "infrastructure", "untagged",
	"unattributed", "unobserved", "idle"];
const SAYS = {
	alignment: "research on making AI safe and do what people intend",
	capabilities: "research on making AI more able",
	mixed: "work that helps both and cannot be told apart",
	serving: "answering customers with finished models",
	infrastructure: "tests and operations",
	untagged: "used, but nobody said for what",
	unattributed: "used, but by whom is not known",
	unobserved: "nobody was watching: it could have been anything",
	idle: "not used",
};
/* The three that hide something are hatched, for those too who see no colours. */
const LIGHT = {
	alignment: "#12805c", capabilities: "#e08a1e", mixed: "#8a6fb0", serving: "#3f78c0",
	infrastructure: "#7b8794", untagged: "#c9a400", unattributed: "#c2452d", unobserved: "#222222",
	idle: "#e4e8eb", ink: "#1c2126", line: "#d5dbe0", paper: "#ffffff", alarm: "#b3261e",
};
const DARK = {
	alignment: "#2fb98a", capabilities: "#f0a03c", mixed: "#a88fd0", serving: "#5f98e0",
	infrastructure: "#93a0ad", untagged: "#e8c22e", unattributed: "#ef6a50", unobserved: "#f2f2f2",
	idle: "#2c343b", ink: "#e6eaee", line: "#3a444d", paper: "#14181c", alarm: "#ff8f86",
};
const HATCHED = { untagged: 1, unattributed: -1, unobserved: 0 };
const darkness = matchMedia("(prefers-color-scheme: dark)");
let colour = darkness.matches ? DARK : LIGHT;

function hatch(part) {
	const tile = document.createElement("canvas"), c = tile.getContext("2d");

	tile.width = tile.height = 8;
	c.fillStyle = colour.paper;
	c.fillRect(0, 0, 8, 8);
	c.strokeStyle = colour[part];
	c.lineWidth = 3;
	for (const slope of HATCHED[part] ? [HATCHED[part]] : [1, -1]) {
		for (const at of [-8, 0, 8]) {
			c.beginPath();
			c.moveTo(at, slope > 0 ? 8 : 0);
			c.lineTo(at + 8, slope > 0 ? 0 : 8);
			c.stroke();
		}
	}
	return c.createPattern(tile, "repeat");
}

const fill = (part) => part in HATCHED ? hatch(part) : colour[part];

function swatch(part) {
	const s = document.createElement("canvas"), c = s.getContext("2d");

	s.width = s.height = 14;
	s.setAttribute("aria-hidden", "true");
	c.fillStyle = fill(part);
	c.fillRect(0, 0, 14, 14);
	return s;
}

function stripes(part) {
	const angle = HATCHED[part] < 0 ? "45deg" : "-45deg";

	return part in HATCHED
		? `repeating-linear-gradient(${angle}, ${colour[part]} 0 3px, ${colour.paper} 3px 7px)`
		: colour[part];
}

/* --- charts -------------------------------------------------------------------------------- */

const drawn = []; /* each redraws itself: other colours, another width */

function redraw() {
	colour = darkness.matches && !redraw.printing ? DARK : LIGHT;
	for (const draw of drawn)
		draw();
}
darkness.addEventListener("change", redraw);
window.addEventListener("beforeprint", () => { redraw.printing = true; redraw(); });
window.addEventListener("afterprint", () => { redraw.printing = false; redraw(); });

/*
 * A chart, its description, a line that says what is under the pointer or the arrow keys, and its
 * data as a table. @c: {title, says, x, time, lines: [{label, values, shown, part, stroke, dash,
 * fill}], bands, y, columns, rows}
 */
function chart(parent, c) {
	const plot = el("div.plot"), said = el("output");
	const legend = el("ul.legend");
	const figure = el("figure", el("h3", c.title), legend, plot, said,
		el("figcaption", c.says), folded("The data of this chart as a table", () =>
			table(c.title, c.columns, c.rows())));
	let u = null, wide = 0;

	plot.tabIndex = 0;
	plot.setAttribute("role", "img");
	plot.setAttribute("aria-label", c.title + ". " + c.says
		+ " Left and right arrow keys read the values; a table follows.");
	parent.append(figure);

	const read = (i) => {
		if (i === null || i === undefined || !(i >= 0))
			return;
		said.textContent = (c.time ? instant(c.x[i]) : c.xSays(c.x[i])) + ": " + c.lines
			.map((l) => [l.label, (l.shown || l.values)[i]])
			.filter(([, v]) => Number.isFinite(v))
			.map(([label, v]) => label + " " + c.y(v)).join(", ");
	};
	const draw = () => {
		const width = Math.max(260, plot.clientWidth || 600);

		if (u)
			u.destroy();
		wide = width;
		u = new uPlot(options(c, width, read), [c.x, ...c.lines.map((l) => l.values)], plot);
		legend.replaceChildren(...c.lines.map((l) => el("li", swatch(l.part), l.label)));
	};
	plot.addEventListener("keydown", (e) => {
		const step = { ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9 }[e.key];

		if (!step)
			return;
		e.preventDefault();
		const last = c.x.length - 1, from = u.cursor.idx ?? (step > 0 ? -1 : last + 1);
		const i = Math.min(last, Math.max(0, from + step));

		u.setCursor({ left: u.valToPos(c.x[i], "x"), top: 10 });
		read(i);
	});
	drawn.push(draw);
	new ResizeObserver(() => {
		if (u && !redraw.printing && Math.abs((plot.clientWidth || wide) - wide) > 1)
			draw();
	}).observe(plot);
	draw();
}

function options(c, width, read) {
	const stepped = uPlot.paths.stepped({ align: 1 });
	const axis = { stroke: colour.ink, grid: { stroke: colour.line, width: 1 },
		ticks: { stroke: colour.line, width: 1 }, font: "12px system-ui, 'DejaVu Sans', sans-serif" };

	return {
		width: width,
		height: width < 500 ? 230 : 300,
		legend: { show: false },
		cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
		tzDate: (t) => uPlot.tzDate(new Date(t * 1000), "Etc/UTC"),
		scales: { x: { time: !!c.time }, y: { range: (_, low, high) =>
			[Math.min(0, low ?? 0), Math.max(c.top || 0, (high || 1) * 1.05)] } },
		axes: [
			{ ...axis, ...(c.time ? {} : { values: (_, all) => all.map((v) => c.xShort(v)) }) },
			{ ...axis, size: 62, values: (_, all) => all.map((v) => c.yShort(v)) },
		],
		series: [{}, ...c.lines.map((l) => ({
			label: l.label,
			stroke: l.stroke === null ? null : colour[l.stroke || l.part],
			width: l.stroke === null ? 0 : 2,
			dash: l.dash,
			fill: l.fill ? fill(l.part) : null,
			paths: c.smooth ? undefined : stepped,
			points: { show: !!c.smooth },
		}))],
		bands: (c.bands || []).map((b) => ({ series: b.between, fill: b.part ? colour[b.part] + "55" : undefined })),
		hooks: { setCursor: [(u) => u.cursor.event && read(u.cursor.idx)] },
	};
}

/* Bars on a scale of their own, one a row: [{label, from, to, part, text}], or pieces of them. */
function bars(parent, title, says, rows, top, axis, columns, data) {
	const box = el("div");
	const figure = el("figure", el("h3", title), box, el("figcaption", says),
		folded("The data of this chart as a table", () => table(title, columns, data())));
	const draw = () => {
		const narrow = (parent.clientWidth || 600) < 500;
		const W = narrow ? 340 : 760, L = 118, R = narrow ? 8 : 150, rowH = narrow ? 44 : 30;
		const X = (v) => L + (W - L - R) * Math.min(1, top > 0 ? v / top : 0);
		const H = rows.length * rowH + 24;
		const s = svg("svg", { class: "bars", viewBox: `0 0 ${W} ${H}`, role: "img",
			"aria-label": title + ". " + says });

		for (const v of [0, .25, .5, .75, 1]) {
			s.append(svg("line", { class: "axis", x1: X(v * top), x2: X(v * top), y1: 0,
				y2: H - 20 }), svg("text", { x: X(v * top), y: H - 4,
				"text-anchor": v === 1 ? "end" : v ? "middle" : "start" }, axis(v * top)));
		}
		rows.forEach((row, i) => {
			const y = i * rowH + 5;

			s.append(svg("text", { x: 0, y: y + 15 }, row.label));
			for (const p of row.pieces) {
				s.append(svg("rect", { x: X(p.from), y: y, height: 20,
					width: Math.max(p.to > p.from ? 1 : 3, X(p.to) - X(p.from)), fill: colour[p.part] || colour.ink }));
			}
			s.append(svg("text", narrow ? { x: L, y: y + 34 } : { x: W - R + 8, y: y + 15 }, row.text));
		});
		box.replaceChildren(s);
	};

	parent.append(figure);
	drawn.push(draw);
	draw();
}

/* --- what is said -------------------------------------------------------------------------- */

const finding = (name) => (doc.findings || []).find((f) => f.name === name);
const WORDS = {
	MET: ["Kept", "good"], BREACHED: ["Not kept", "bad"], UNPROVEN: ["Not proven", "open"],
	NOT_DUE: ["Not due yet", "open"], INFEASIBLE: ["Can no longer be kept", "bad"],
	UNDEFINED: ["Nothing to judge", "open"],
};

function verdict(v) {
	const [word, tone] = WORDS[v.status] || [v.status, "open"];
	const said = v.status === "MET" && v.replayed ? word + ", as the scheduler declares it" : word;
	const facts = [];

	if (v.proven || v.possible)
		facts.push("Found: " + between(ratio(v.proven), ratio(v.possible)) + ".");
	if (v.detail || v.reason)
		facts.push("Why: " + (v.detail || v.reason) + ".");
	if (v.deficit_us > 0)
		facts.push(hours(v.deficit_us) + " are missing for it to hold for certain.");
	if (v.partial)
		facts.push("The record covers only part of the promised period.");
	if (v.long_unproven)
		facts.push("It has been unproven for too long, which counts as not kept.");
	return el("li.verdict." + tone, el("p", el("span.word", said), " ", el("span.soft", v.status)),
		el("p", el("strong", v.name)),
		el("p", `Promised: ${v.promise}` + (v.purpose && v.bound ? ` for ${v.purpose}` : "") + "."),
		...facts.map((f) => el("p", f)));
}

function lead() {
	const w = doc.window || {}, by = doc.recorded_by || [];
	const replay = by.includes("replay");
	const period = w.start && w.end ? ` from ${instant(w.start)} to ${instant(w.end)}`
		: "; it holds no record for the time asked for";

	document.getElementById("lead").replaceWith(
		el("p", "AI laboratories promise part of their computing power to ", el("strong", "alignment"),
			": research on making AI safe. This page shows what the graphics processors (GPUs) of one "
			+ "cluster were used for" + period + ", and whether what was promised was kept."),
		el("p", replay ? "It was made from a scheduler’s list of jobs: what each was for is as declared there; "
			+ "nothing was measured." : "It was measured on the machines; what each job was for is what its tags "
			+ "say, and tags are taken as true."),
		el("p.soft", "Two numbers stand for each share: what the record ", el("em", "proves"),
			" at least, and what is ", el("em", "possible"), " at most, if everything that nobody explained "
			+ "was for that purpose. The truth lies between."));
}

function verdicts() {
	const s = section("What was promised, and was it kept?");
	const list = doc.commitments || [];

	if (!list.length)
		s.append(el("p", "No promise was declared to this report, so none can be kept or broken here. What "
			+ "follows only shows where the time went."));
	else
		s.append(el("ul.verdicts", ...list.map(verdict)));
	s.append(el("p", "Alignment had ", el("strong", between(ratio(doc.alignment_share?.proven),
		ratio(doc.alignment_share?.possible))), " of the GPU time that was used."));
}

function total(part) {
	return part === "unattributed" ? doc.unattributed_us : part === "idle" ? doc.idle_us
		: part === "unobserved" ? doc.unobserved_us : doc.purposes?.[part]?.gpu_time_us ?? 0;
}

function whole() {
	const s = section("Where the time went");
	const box = el("div.whole");
	const used = new Set(["idle", "unobserved"]);

	if (!(doc.capacity_us > 0)) {
		s.append(el("p", "No GPU time is on record for this time: no GPU was known, or nothing was recorded. "
			+ "There is nothing to show."));
		return s;
	}
	box.setAttribute("role", "img");
	box.setAttribute("aria-label", "Parts of all GPU time: " + PARTS.filter(total).map((p) =>
		`${p} ${percent(total(p) / doc.capacity_us)}`).join(", "));
	const draw = () => box.replaceChildren(...PARTS.filter(total).map((p) => {
		const e = el("span");

		e.style.flexGrow = total(p) / doc.capacity_us;
		e.style.flexBasis = 0;
		e.style.background = stripes(p);
		e.title = `${p}: ${percent(total(p) / doc.capacity_us)}`;
		return e;
	}));
	drawn.push(draw);
	draw();
	s.append(box, table("All GPU time of the period, by what it was for", [["", "text"], ["GPU time", "gpu-time"],
		["of all time", "part"], ["of used time", "share"], ["meaning", "text"]], PARTS.map((p) => [p, total(p),
		total(p) / doc.capacity_us, used.has(p) ? null : { num: total(p), den: doc.used_us }, SAYS[p]])));
	return s;
}

function stacked(s) {
	const t = doc.series, n = t?.at?.length || 0;

	if (!n || !t.at.some((_, i) => t.capacity[i] > 0)) {
		s.append(el("p", "There is no record over time to draw."));
		return;
	}
	const end = t.at[n - 1] + t.seconds[n - 1], x = [...t.at, end];
	const gpus = (p) => t.at.map((_, i) => t[p][i] === null ? null : t[p][i] / 1e6 / t.seconds[i]);
	const shownParts = PARTS.filter((p) => t[p].some((v) => v > 0));
	let below = x.map(() => 0);
	const lines = shownParts.map((p) => {
		const own = gpus(p), shown = [...own, own[n - 1]];
		const values = shown.map((v, i) => v === null ? null : below[i] += v);

		return { label: p, part: p, values, shown, fill: true, stroke: null };
	});

	chart(s, { title: "GPUs in use, by purpose, over time", x, time: true, lines,
		says: `The height is how many GPUs, on average, were used for each purpose; one step is ${
			duration(t.step_s * 1e6)}. ` + shownParts.map((p) => `${p}: ${percent(total(p)
			/ doc.capacity_us)} of all time`).join("; ") + "." + (t.crossing_us > 0 ? ` ${hours(t.crossing_us)
			} lie in records that cross a step’s edge and are not drawn.` : ""),
		bands: lines.slice(1).map((_, i) => ({ between: [i + 2, i + 1] })),
		y: (v) => fixed(v, 2), yShort: (v) => String(+v.toPrecision(4)),
		columns: [["from", "time"], ...shownParts.map((p) => [p, "gpus"])],
		rows: () => t.at.map((at, i) => [at, ...lines.map((l) => l.shown[i])]) });
}

function shares() {
	const s = section("The share over time, against its promise");
	const t = doc.series, percents = { y: percent, yShort: (v) => +(100 * v).toPrecision(3) + " %", time: true };
	const tracks = (doc.tracks || []).filter((k) => k.proven.some((v) => v !== null));

	for (const k of tracks) {
		const bound = k.at.map(() => k.bound), last = k.proven.length - 1;

		chart(s, { ...percents, title: `${k.name}: the share of ${k.purpose}`, x: k.at, smooth: false,
			says: `A ${k.kind} of ${percent(k.bound)}, judged again at each point over the period that was `
				+ `promised. At the end: ${between(k.proven[last], k.possible[last])}.`,
			lines: [{ label: "proven", part: k.purpose, values: k.proven },
				{ label: "possible", part: "untagged", values: k.possible },
				{ label: "promised " + k.kind, part: "alarm", values: bound, dash: [8, 5] }],
			bands: [{ between: [2, 1], part: "untagged" }],
			columns: [["at", "time"], ["proven", "part"], ["possible", "part"], ["judged", "text"]],
			rows: () => k.at.map((at, i) => [at, k.proven[i], k.possible[i], k.status[i]]) });
	}
	if (tracks.length)
		return;
	s.append(el("p", "No promise of a share can be drawn here; this is alignment’s share of used time in each step."));
	const low = [], high = [];

	(t?.at || []).forEach((_, i) => {
		const A = t.alignment[i], U = t.untagged[i] + t.unattributed[i], X = t.unobserved[i];
		const N = t.capacity[i] - t.idle[i];

		low.push(A === null || !(N > 0) ? null : A / N);
		high.push(A === null || !(N > 0) ? null : Math.min(1, (A + U + X) / N));
	});
	if (!low.some((v) => v !== null)) {
		s.append(el("p", "Nothing was used, so there is no share."));
		return;
	}
	chart(s, { ...percents, title: "Alignment’s share of used GPU time", x: t.at,
		says: "Overall: " + between(ratio(doc.alignment_share?.proven), ratio(doc.alignment_share?.possible)) + ".",
		lines: [{ label: "proven", part: "alignment", values: low }, { label: "possible", part: "untagged", values: high }],
		bands: [{ between: [2, 1], part: "untagged" }],
		columns: [["from", "time"], ["proven", "part"], ["possible", "part"]],
		rows: () => t.at.map((at, i) => [at, low[i], high[i]]) });
}

/* What a probe says, what it cannot say, and its rows. */
function probe(s, f) {
	if (!f) {
		s.append(el("p", "This was not asked."));
		return;
	}
	s.append(el("p", f.outcome === "no-answer" ? "No answer: " : "", f.estimate + "."));
	if (f.outcome !== "no-answer" && f.interval)
		s.append(el("p.soft", "How sure: " + f.interval + "."));
	s.append(folded("The words it tests, its figures, and what it cannot tell", () => el("div",
		el("blockquote", `“${f.claim}”`),
		el("p", "What would change it: " + f.changes + "."), el("p", "It cannot tell: " + f.cannot_tell + "."),
		f.fields?.length ? table("Figures of this question", [["", "text"], ["", "text"]], f.fields.map((x) =>
			[x.title, show(f.values[x.key], x.kind)])) : null,
		f.rows?.length ? table("Rows of this question", f.columns.map((c) => [c.title, c.kind]), f.rows.map((r) =>
			f.columns.map((c) => r[c.key]))) : null)));
}

function financing() {
	const f = finding("financing"), s = section("Where alignment’s growth came from",
		"If alignment got more in the second half of the period than in the first, was capacity added, was it "
		+ "idle before, did other work stop, or was work only renamed? What shrank can have paid for it; bounds "
		+ "say how much at least and at most.");
	const names = { "new capacity": "added", capacity: "added" };
	const retagged = f?.values?.retagged_us ?? 0, raw = f?.values?.alignment_change_us ?? 0;

	probe(s, f);
	if (!f || f.outcome === "no-answer" || !(f.values.growth_us > 0) || !f.rows?.length)
		return;
	const rows = f.rows.filter((r) => r.gave_us > 0 && r.low).map((r) => ({ label: names[r.source] || r.source,
		text: `${percent(ratio(r.low))} – ${percent(ratio(r.high))}`,
		pieces: [{ from: ratio(r.low), to: ratio(r.high), part: PARTS.includes(r.source) && r.source !== "idle"
			? r.source : "infrastructure" }] }));

	if (raw > 0 && retagged > 0)
		rows.push({ label: "relabelled", text: percent(retagged / raw) + " of all growth",
			pieces: [{ from: 0, to: Math.min(1, retagged / raw), part: "unattributed" }] });
	bars(s, "Out of what the growth came: at least – at most", rows.map((r) => `${r.label}: ${r.text}`).join("; ")
		+ ".", rows, 1, (v) => 100 * v + " %", [["source", "text"], ["shrank, or new, by", "gpu-time"],
		["at least", "share"], ["in proportion", "share"], ["at most", "share"], ["relabelled", "gpu-time"]],
		() => f.rows.map((r) => [names[r.source] || r.source, r.gave_us, r.low, r.middle, r.high, r.retagged_us]));
}

function requests() {
	const f = finding("requests"), s = section("Who asked for GPUs, and who got them");

	probe(s, f);
	if (!f?.rows?.length)
		return;
	const rows = f.rows.map((r) => ({ label: r.purpose + (r.how === "displace" ? " ⇄" : r.how === "add" ? " +" : ""),
		text: `${r.granted} of ${r.requests}, ${r.refused} refused`,
		pieces: [{ from: 0, to: r.granted, part: "alignment" }, { from: r.granted, to: r.granted + r.refused, part: "alarm" },
			{ from: r.granted + r.refused, to: r.requests, part: "idle" }].filter((p) => p.to > p.from) }));

	bars(s, "Requests granted, refused and open", "“+” asked for more GPUs, “⇄” for others to stop. Green: granted; "
		+ "red: refused; grey: still open. " + rows.map((r) => `${r.label}: ${r.text}`).join("; ") + ".", rows,
		Math.max(1, ...f.rows.map((r) => r.requests)), (v) => fixed(v, 0),
		f.columns.map((c) => [c.title || "note", c.kind]), () => f.rows.map((r) => f.columns.map((c) => r[c.key])));
}

function latency() {
	const f = finding("latency"), s = section("How long orders to move a share took");
	const orders = (f?.rows || []).filter((r) => r.curve?.some((m) => m.progress !== null));

	probe(s, f);
	if (!orders.length)
		return;
	const x = [...new Set(orders.flatMap((r) => r.curve.map((m) => m.after_us)))].sort((a, b) => a - b);
	const tones = ["alignment", "capabilities", "serving", "mixed", "unattributed", "infrastructure"];
	const lines = orders.slice(0, tones.length).map((r, i) => ({ label: r.name, part: tones[i], values: x.map((t) =>
		r.curve.find((m) => m.after_us === t)?.progress ?? null) }));

	lines.push({ label: "carried out", part: "alarm", values: x.map(() => 1), dash: [8, 5] });
	chart(s, { title: "How much of each order was carried out", x: x.map((t) => t / HOUR), smooth: true, lines, top: 1.1,
		says: orders.map((r) => `${r.name}: ${r.says}, halfway after ${show(r.t50_us, "duration")}`).join("; ") + ".",
		xSays: (v) => duration(v * HOUR) + " after the order", xShort: (v) => fixed(v, 0) + " h",
		y: percent, yShort: (v) => fixed(100 * v, 0) + " %",
		columns: [["after", "duration"], ...lines.slice(0, -1).map((l) => [l.label, "part"])],
		rows: () => x.map((t, i) => [t, ...lines.slice(0, -1).map((l) => l.values[i])]) });
}

function padding() {
	const f = finding("padding"), s = section("Was the time that was given worked?",
		"A GPU can be held without being used. A purpose whose time was much less busy than the others’ may only "
		+ "look well provided for.");
	const rows = (f?.rows || []).filter((r) => r.busy_of_gpu_time).map((r) => ({ label: r.purpose,
		text: percent(ratio(r.busy_of_gpu_time)) + " " + (r.model || ""),
		pieces: [{ from: 0, to: ratio(r.busy_of_gpu_time), part: r.purpose }] }));

	probe(s, f);
	if (rows.length)
		bars(s, "How much of its GPU time each purpose was busy", rows.map((r) => `${r.label}: ${r.text}`).join("; ")
			+ ".", rows, Math.max(1, ...rows.map((r) => r.pieces[0].to)), (v) => fixed(100 * v, 0) + " %",
			f.columns.map((c) => [c.title, c.kind]), () => f.rows.map((r) => f.columns.map((c) => r[c.key])));
}

function drift() {
	const f = finding("drift"), s = section("Has alignment’s share begun to fall?",
		"Day by day, what falls short of the usual adds up; when the sum crosses the alarm line, the fall is more "
		+ "than chance.");
	const path = f?.path || [], h = f?.values?.threshold;

	probe(s, f);
	if (!path.length || !Number.isFinite(h))
		return;
	const x = path.map((p) => Date.parse(p.at) / 1000), now = path.map((p) => p.cusum);

	chart(s, { title: "The sum of shortfalls, with its alarm line", x, time: true, top: h * 1.1,
		says: `Alarm line at ${show(h, "real")}; the sum is ${show(now[now.length - 1], "real")} at the end. `
			+ (f.values.alarm ? `It crossed the line on ${instant(f.values.alarm)}.` : "It never crossed the line."),
		lines: [{ label: "sum of shortfalls", part: "serving", values: now },
			{ label: "alarm line", part: "alarm", values: x.map(() => h), dash: [8, 5] }],
		y: (v) => show(v, "real"), yShort: (v) => String(+v.toPrecision(3)),
		columns: [["day", "time"], ["sum", "real"]], rows: () => x.map((t, i) => [t, now[i]]) });
}

function jobs() {
	const s = section("The largest jobs"), rows = doc.jobs || [];
	const columns = [["path", "job", "text"], ["purpose", "purpose", "text"], ["project", "project", "text"],
		["tagged_by", "said by", "text"], ["gpu_time_us", "GPU time", "gpu-time"], ["busy_us", "busy", "gpu-time"]];

	if (!rows.length)
		s.append(el("p", "No job used a GPU."));
	else
		s.append(table(`The ${rows.length} largest jobs, by GPU time`, columns.map((c) => [c[1], c[2]]),
			rows.map((r) => columns.map((c) => c[0] === "busy_us" && !doc.busy_us ? null : r[c[0]]))));
}

function quality() {
	const s = section("How good the record is"), lost = Object.entries(doc.lost || {}).filter(([, n]) => n > 0);
	const facts = [
		["Observed", doc.capacity_us > 0 ? percent(1 - doc.unobserved_us / doc.capacity_us) + " of all GPU time, on "
			+ `${fixed(doc.gpu_count, 0)} ${doc.gpu_count === 1 ? "device" : "devices"}` : "no GPU is on record"],
		["Why not all of it", doc.blind?.length ? doc.blind.join(", ") : "no reason is on record"],
		["Explained", doc.used_us > 0 ? percent(1 - ((doc.purposes?.untagged?.gpu_time_us || 0) + doc.unattributed_us)
			/ doc.used_us) + " of used GPU time has a purpose" : "nothing was used"],
		["Sealed records", fixed(doc.intervals, 0) + `, of them ${fixed(doc.stretched, 0)} longer than planned`],
		["Sums that do not come out", doc.broken ? fixed(doc.broken, 0) + " — those records are wrong" : "none"],
		["Lost by sensors", lost.length ? lost.map(([k, n]) => `${k}: ${fixed(n, 0)}`).join(", ") : "nothing"],
		["Recorded by", doc.recorded_by?.length ? doc.recorded_by.join(", ") : "nobody"],
	];

	s.append(el("dl", ...facts.flatMap(([k, v]) => [el("dt", k), el("dd", v)])));
	if (doc.gpus?.length)
		s.append(table("Devices that nobody watched all the time", [["device", "text"], ["unobserved", "gpu-time"],
			["why", "text"]], doc.gpus.map((g) => [g.gpu, g.unobserved_us, g.blind])));
	s.append(el("h3", "The signed state of the ledger"));
	if (!doc.checkpoints?.length)
		s.append(el("p", "No ledger signed for this: it cannot be compared with what others keep."));
	else
		s.append(el("p", "Whoever keeps these lines can later prove whether the record was changed (earmark ledger verify)."),
			el("dl", ...doc.checkpoints.flatMap((c) => [el("dt", `${c.origin}: ${fixed(c.size, 0)} entries`),
				el("dd", el("code", c.root))])));
}

function others() {
	const drawnAbove = new Set(["financing", "requests", "latency", "padding", "drift"]);
	const s = section("Other questions that the record was asked");

	for (const f of (doc.findings || []).filter((f) => !drawnAbove.has(f.name))) {
		s.append(el("h3", f.help));
		probe(s, f);
	}
}

lead();
verdicts();
stacked(whole());
for (const part of [shares, financing, requests, latency, padding, drift, jobs, quality, others])
	part();
document.getElementById("foot").append(el("p", `Made ${instant(doc.made_at)} by earmark. GPU time: the wall time of each GPU, `
	+ "divided among the jobs that hold it; used, idle and unobserved add up to all of it. All times are UTC."));
document.body.dataset.drawn = "yes";
})();
