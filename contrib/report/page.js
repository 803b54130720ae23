/* SPDX-License-Identifier: GPL-2.0 */
/* What the page says, section by section, out of the document that is in the file; see chart.js. */

const finding = (name) => (doc.findings || []).find((f) => f.name === name);
const WORDS = {
	MET: ["Kept", "good"], BREACHED: ["Not kept", "bad"], UNPROVEN: ["Not proven", "open"],
	NOT_DUE: ["Not due yet", "open"], INFEASIBLE: ["Can no longer be kept", "bad"],
	UNDEFINED: ["Nothing to judge", "open"],
};

const REASONS = {
	untagged: "nobody said what part of the time was for",
	unobserved: "nobody was watching part of the time",
	coverage: "too little of the time was observed",
	broken: "some records do not add up",
	padding: "the time was held, but too little of it was worked",
};

function promise(v) {
	switch (v.kind) {
	case "gate": return `no large run without an approval before it (${v.promise})`;
	case "growth": return `${v.purpose} grows ${v.promise}`;
	case "reallocate": return `the share of ${v.purpose} is moved: ${v.promise}`;
	default: return `${v.promise} for ${v.purpose}`;
	}
}

function verdict(v) {
	const [word, usual] = WORDS[v.status] || [v.status, "open"], tone = v.long_unproven ? "bad" : usual;
	const said = v.status === "MET" && v.replayed ? word + ", as the scheduler declares it" : word;
	const facts = [];

	if (v.proven || v.possible)
		facts.push("Found: " + between(ratio(v.proven), ratio(v.possible)) + ".");
	if (v.detail || v.reason)
		facts.push("Why: " + (v.detail || REASONS[v.reason] || v.reason) + ".");
	if (v.deficit_us > 0)
		facts.push(hours(v.deficit_us) + " are missing for it to hold for certain.");
	if (v.window?.start && v.window.start < v.window.end)
		facts.push(`Judged over ${instant(v.window.start).slice(0, 10)} to ${instant(v.window.end).slice(0, 10)}.`);
	if (v.partial)
		facts.push("The record covers only part of the promised period.");
	if (v.long_unproven)
		facts.push("It has been unproven for too long, which counts as not kept.");
	return el("li.verdict." + tone, el("p", el("span.word", said), " ", el("span.soft", v.status)),
		el("p", el("strong", v.name)),
		el("p", `Promised: ${promise(v)}.`),
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
		el("p.answer", "Of the GPU time that was used, alignment had ", el("strong", between(ratio(
			doc.alignment_share?.proven), ratio(doc.alignment_share?.possible))), "."),
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
	s.append(document.querySelector("nav"));
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
	s.append(box, table("All GPU time of the period, by what it was for", [["purpose", "text"], ["GPU time", "gpu-time"],
		["of all time", "part"], ["of used time", "share"], ["meaning", "text"]], PARTS.map((p) => [named(p), total(p),
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

/* How each unit of a promise's curve is read, and what is said of it. */
const UNITS = {
	share: (k) => ({ y: percent, yShort: (v) => +(100 * v).toPrecision(3) + " %", kind: "part",
		title: `${k.name}: the share of ${k.purpose}`, line: "promised " + (k.side || k.kind),
		says: (k.kind === "reallocate" ? `To be moved from ${percent(k.from)} to ${percent(k.bound)}`
			: `A ${k.side} of ${percent(k.bound)}`) + ", judged again at each point over the period that was promised." }),
	amount: (k) => ({ y: (v) => hours(v * k.amount_us), yShort: (v) => fixed(v * k.amount_us / HOUR, 0) + " h",
		kind: "gpu-time", times: k.amount_us, title: `${k.name}: GPU time for ${k.purpose}`,
		line: "promised " + (k.side === "ceiling" ? "at most" : "amount"),
		says: `${k.side === "ceiling" ? "At most" : "At least"} ${hours(k.amount_us)}, counted again at each point over `
			+ "the period that was promised." }),
	ratio: (k) => ({ y: (v) => fixed(v, 2) + " times", yShort: (v) => String(+v.toPrecision(3)), kind: "real",
		title: `${k.name}: growth of ${k.purpose} for each growth of ${k.than}`, line: "no faster",
		low: "at least", high: "at most",
		says: `Each point compares ${duration(k.window_us)} with the same time before it. Above 1, ${k.purpose} grew `
			+ `faster than ${k.than}.` }),
	"gpu-time": (k) => ({ y: hours, yShort: (v) => fixed(v / HOUR, 0) + " h", kind: "gpu-time",
		title: `${k.name}: the largest job of ${k.purpose}`, line: "needs an approval above", low: "surely", high: "possibly",
		says: `The GPU time of the largest job over ${duration(k.window_us)}. Above ${hours(k.bound)} it needed an approval `
			+ "before it began; whether it had one is said by the verdict, not by the line." }),
	gpus: (k) => ({ y: (v) => fixed(v, 1) + " GPUs", yShort: (v) => String(+v.toPrecision(3)), kind: "gpus",
		title: `${k.name}: GPUs of the largest job of ${k.purpose}`, line: "needs an approval above",
		low: "surely at once", high: "all it was on", says: `How many GPUs one job had in each step. With more than ${
			fixed(k.bound, 0)} it needed an approval before it began.` }),
};

/* One promise: between what is proven and what is possible, with its bound. */
function track(s, k) {
	const u = UNITS[k.unit](k), known = k.proven.map((v, i) => v !== null || k.possible[i] !== null);
	const last = known.lastIndexOf(true), low = u.low || "proven", high = u.high || "possible";
	const shown = (v) => v === null ? "not bounded" : u.y(v), times = (v) => v === null ? null : v * (u.times || 1);
	const columns = [["at", "time"], [low, u.kind], [high, u.kind]];

	chart(s, { ...u, x: k.at, time: true, smooth: false, top: k.bound * 1.1,
		says: `${u.says} At the end: ${k.proven[last] === k.possible[last] ? shown(k.proven[last])
			: `${low} ${shown(k.proven[last])}, ${high} ${shown(k.possible[last])}`}.`,
		lines: [{ label: high, part: "untagged", values: k.possible },
			{ label: low, part: k.purpose, values: k.proven },
			{ label: u.line, part: "alarm", values: k.at.map(() => k.bound), dash: [8, 5] }],
		bands: [{ between: [1, 2], part: "untagged" }],
		columns: k.status ? [...columns, ["judged", "text"]] : columns,
		rows: () => k.at.map((at, i) => [at, times(k.proven[i]), times(k.possible[i]), ...(k.status ? [k.status[i]] : [])]) });
}

function shares() {
	const s = section("What was promised, over time");
	const t = doc.series, percents = { y: percent, yShort: (v) => +(100 * v).toPrecision(3) + " %", time: true };
	const tracks = (doc.tracks || []).filter((k) => [...k.proven, ...k.possible].some((v) => v !== null));

	tracks.forEach((k) => track(s, k));
	if (tracks.length)
		return;
	s.append(el("p", "No promise can be drawn here; this is alignment’s share of used time in each step."));
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
		lines: [{ label: "possible", part: "untagged", values: high }, { label: "proven", part: "alignment", values: low }],
		bands: [{ between: [1, 2], part: "untagged" }],
		columns: [["from", "time"], ["proven", "part"], ["possible", "part"]],
		rows: () => t.at.map((at, i) => [at, low[i], high[i]]) });
}

/* What a probe says, what it cannot say, and its rows. */
function probe(s, f) {
	if (!f) {
		s.append(el("p", "This was not asked."));
		return;
	}
	s.append(el("p", f.outcome === "no-answer" ? "No answer: " + f.estimate + "."
		: f.estimate.charAt(0).toUpperCase() + f.estimate.slice(1) + "."));
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
	const replay = (doc.recorded_by || []).includes("replay");
	const s = section("How good the record is"), lost = Object.entries(doc.lost || {}).filter(([, n]) => n > 0);
	const facts = [
		["Observed", doc.capacity_us > 0 ? percent(1 - doc.unobserved_us / doc.capacity_us) + (replay
			? " of the capacity that was declared: a list of jobs cannot show what it lacks"
			: ` of all GPU time, on ${fixed(doc.gpu_count, 0)} ${doc.gpu_count === 1 ? "GPU" : "GPUs"}`)
			: "no GPU is on record"],
		["Why not all of it", doc.blind?.length ? doc.blind.join(", ") : "no reason is on record"],
		["Explained", doc.used_us > 0 ? percent(1 - ((doc.purposes?.untagged?.gpu_time_us || 0) + doc.unattributed_us)
			/ doc.used_us) + " of used GPU time has a purpose" : "nothing was used"],
		["Sealed records", fixed(doc.intervals, 0) + `, of them ${fixed(doc.stretched, 0)} longer than planned`],
		...(doc.busy_class && doc.busy_class !== "exact" ? [["How busy was measured",
			`at worst ${doc.busy_class}; all busy time together may be off by ${show(doc.busy_error_us, "gpu-time")}, either way`]] : []),
		["Sums that do not come out", doc.broken ? fixed(doc.broken, 0) + " — those records are wrong" : "none"],
		...(doc.energy ? [["Energy", `${fixed(doc.energy.mj / 3.6e9, 3)} kWh by the devices' counters; divided by busy time (a model), `
			+ Object.entries(doc.energy.purposes).filter(([, mj]) => mj > 0)
				.map(([k, mj]) => `${k} ${percent(mj / doc.energy.mj)}`)
				.concat(doc.energy.mj > 0 ? [`unattributed ${percent(doc.energy.unattributed_mj / doc.energy.mj)}`,
					`idle ${percent(doc.energy.idle_mj / doc.energy.mj)}`] : []).join(", ")]] : []),
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
