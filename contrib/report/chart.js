/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Elements, figures, colours and charts of the page. What is shown is text that others may have
 * written: it reaches the page as text nodes only, never as markup. Whatever has no value is said in
 * words. page.js follows in the same script.
 */
"use strict";
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

const drawn = []; /* each redraws itself: other colours, another width */

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
	const cell = (v, kind) => NUMERIC.has(kind) ? el("td.n", show(v, kind))
		: el("td", el("div", v instanceof Node ? v : show(v, kind)));
	const body = rows.slice(0, TABLE_ROWS).map((row) =>
		el("tr", ...row.map((v, i) => cell(v, columns[i][1]))));
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
			return us === size ? "1 " + name.slice(0, -1)
				: digits(us / size, us % size ? 1 : 0) + " " + name;
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

/* Under an axis: days, or hours with the day where it begins. */
function dates(all) {
	const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
	let year = null;

	return all.map((t) => {
		const d = new Date(t * 1000), clock = d.toISOString().slice(11, 16);
		const day = d.getUTCDate() + " " + months[d.getUTCMonth()];
		const first = d.getUTCFullYear() !== year;

		year = d.getUTCFullYear();
		if (clock !== "00:00" && !first)
			return clock;
		return day + (clock !== "00:00" ? " " + clock : "") + (first ? "\n" + year : "");
	});
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

/* A part's name with its colour before it. */
function named(part) {
	const key = el("i.key");
	const draw = () => { key.style.background = stripes(part); };

	drawn.push(draw);
	draw();
	return el("span.named", key, part);
}

/* --- charts -------------------------------------------------------------------------------- */

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
			{ ...axis, space: 70, values: (_, all) => c.time ? dates(all) : all.map((v) => c.xShort(v)) },
			{ ...axis, size: 62, values: (_, all) => all.map((v) => c.yShort(v)) },
		],
		series: [{}, ...c.lines.map((l) => ({
			label: l.label,
			stroke: l.stroke === null ? null : colour[l.stroke || l.part],
			width: l.stroke === null ? 0 : 2,
			dash: l.dash,
			fill: l.fill ? fill(l.part) : null,
			paths: c.smooth ? undefined : stepped,
			points: { show: !!c.smooth && !l.dash },
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
		const W = narrow ? 340 : 760, L = 118, R = narrow ? 8 : 210, rowH = narrow ? 44 : 30;
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
					width: Math.max(4, X(p.to) - X(p.from)), fill: colour[p.part] || colour.ink }));
			}
			s.append(svg("text", narrow ? { x: L, y: y + 34 } : { x: W - R + 8, y: y + 15 }, row.text));
		});
		box.replaceChildren(s);
	};

	parent.append(figure);
	drawn.push(draw);
	draw();
}
